// Blocks of 32 numbers as int8 with one scale, a power of two: q · 2^e, |q| ≤ 127, with the least e ≥ -126 that reaches the largest
// of the block (OCP's MXINT8, the scale counted on the integers).
const size = 32u;
alias Block = array<f32, 32>;

/// The exponent of a block whose largest magnitude has these bits.
fn scale_exponent(largest: u32) -> i32 {
  let exponent = i32(largest >> 23u) - 127;
  return max(-126, exponent - select(5, 6, (largest & 0x7fffffu) <= 0x7e0000u));
}

fn power_of_two(exponent: i32) -> f32 {
  return bitcast<f32>(u32(exponent + 127) << 23u);
}

/// The nearest block that int8 can hold, ties to even; no numbers at all where one of them is infinite or none.
fn to_int8(block: ptr<function, Block>) {
  var largest = 0u;
  for (var i = 0u; i < size; i++) {
    (*block)[i] = flush((*block)[i]);
    largest = max(largest, bitcast<u32>((*block)[i]) & 0x7fffffffu);
  }
  if (largest == 0u) { return; }
  let exponent = scale_exponent(min(largest, 0x7f7fffffu));
  let shrink = power_of_two(-exponent);
  let grow = power_of_two(exponent);
  for (var i = 0u; i < size; i++) {
    let q = round((*block)[i] * shrink);
    let value = select(q * grow, 0.0, q == 0.0);
    (*block)[i] = bitcast<f32>(select(bitcast<u32>(value), 0x7fc00000u, largest >= 0x7f800000u));
  }
}
