// Needs ieee754 and logarithm.

/// |a| to the power of b: by repeated squaring where b is a small whole number, which loses nothing.
fn power_of_magnitude(a: f32, b: f32) -> f32 {
  let count = abs(b);
  if (count <= 64.0 && count == floor(count)) {
    var result = 1.0;
    var square = a;
    for (var left = u32(count); left > 0u; left /= 2u) {
      if (left % 2u == 1u) { result *= square; }
      square *= square;
    }
    return select(result, 1.0 / result, b < 0.0);
  }
  return exp2(b * log2(a));
}

/// a^b as IEEE 754-2019 has `pow`: of a negative number only for whole b.
fn power(a: f32, b: f32) -> f32 {
  if ((b == 0.0 && !is_nan(b)) || (a == 1.0 && !is_nan(a))) { return 1.0; }
  let is_whole = b == floor(b);
  let is_odd = is_whole && abs(b) < 16777216.0 && (u32(abs(b)) & 1u) == 1u;
  let is_zero = magnitude_bits(a) < 0x00800000u;
  let sized = bits_if(is_zero && b < 0.0, infinity_bits, select(power_of_magnitude(abs(a), b), 0.0, is_zero && b > 0.0));
  let signed = select(sized, -sized, is_odd && bitcast<u32>(a) > 0x7fffffffu);
  return nan_if(is_nan(a) || is_nan(b) || (a < 0.0 && !is_zero && !is_whole && !is_unsound(a)), signed);
}
