// What becomes of an element of C once its sum is known. The kernel supplies the bindings bias, c and pre, and uses gelu.
override hasBias: bool = false;
override gelu: bool = false;
override storePre: bool = false;

/// The element at `to` of column n.
fn finished(to: u32, n: u32, sum: f32) -> f32 {
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
  return value;
}

// Ops that follow in the same kernel are written into this function.
fn store_element(to: u32, value: f32) { c[to] = value; }
