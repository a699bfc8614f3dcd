// What becomes of an element of C once its sum is known. The kernel supplies the bindings bias, c and pre, and uses gelu.
override hasBias: bool = false;
override gelu: bool = false;
override storePre: bool = false;

/// Stores the element at `to` of column n.
fn store_element(to: u32, n: u32, sum: f32) {
  var value = sum;
  if (hasBias) {
    value += bias[n];
  }
  if (storePre) {
    pre[to] = value;
  }
  if (gelu) {
    value *= gelu_gate(vec4f(value)).x;
  }
  c[to] = value;
}
