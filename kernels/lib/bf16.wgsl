// bf16 as an f32 whose lower 16 bits are zero.

/// Rounds to the nearest bf16, ties to even; what is subnormal becomes zero, what is no number stays none.
fn to_bf16(x: f32) -> f32 {
  let bits = bitcast<u32>(flush(x));
  let magnitude = bits & 0x7fffffffu;
  let rounded = (bits + 0x7fffu + ((bits >> 16u) & 1u)) & 0xffff0000u;
  return bitcast<f32>(select(rounded, 0x7fc00000u, magnitude > 0x7f800000u));
}
