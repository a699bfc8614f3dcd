/// x, or an infinity of the given bits where the condition holds; WGSL has no word for one.
fn bits_if(condition: bool, bits: u32, x: f32) -> f32 {
  return bitcast<f32>(select(bitcast<u32>(x), bits, condition));
}

/// The natural logarithm: of 0 −∞, of negative numbers NaN.
fn logarithm(x: f32) -> f32 {
  let value = log(max(x, 1.17549435e-38));
  let known = bits_if(magnitude_bits(x) < 0x00800000u, 0xff800000u, bits_if(bitcast<u32>(x) == infinity_bits, infinity_bits, value));
  return nan_if(is_nan(x) || (x < 0.0 && magnitude_bits(x) >= 0x00800000u), known);
}
