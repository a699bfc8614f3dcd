// What IEEE 754 says of NaN and infinities, where WGSL lets compilers assume that there are none: then `x != x` is false,
// max(NaN, 1) is 1, and exp(NaN) may be anything. Only the bits of a number tell.

const infinity_bits = 0x7f800000u;
const nan_bits = 0x7fc00000u;

/// The bits of |x|: at least those of infinity where x is none, above them where it is NaN; ordered as |x| is.
fn magnitude_bits(x: f32) -> u32 {
  return bitcast<u32>(x) & 0x7fffffffu;
}

fn magnitude_bits_of_four(x: vec4f) -> vec4u {
  return bitcast<vec4u>(x) & vec4u(0x7fffffffu);
}

/// Whether x is infinite or NaN.
fn is_unsound(x: f32) -> bool {
  return magnitude_bits(x) >= infinity_bits;
}

fn is_nan(x: f32) -> bool {
  return magnitude_bits(x) > infinity_bits;
}

/// NaN where the condition holds, else x.
fn nan_if(condition: bool, x: f32) -> f32 {
  return bitcast<f32>(select(bitcast<u32>(x), nan_bits, condition));
}

fn four_nan_if(condition: vec4<bool>, x: vec4f) -> vec4f {
  return bitcast<vec4f>(select(bitcast<vec4u>(x), vec4u(nan_bits), condition));
}

/// The larger of two numbers, NaN where either is (IEEE 754-2019, `maximum`).
fn maximum(a: f32, b: f32) -> f32 {
  return nan_if(is_nan(a) || is_nan(b), max(a, b));
}

/// The smaller of two numbers, NaN where either is (IEEE 754-2019, `minimum`).
fn minimum(a: f32, b: f32) -> f32 {
  return nan_if(is_nan(a) || is_nan(b), min(a, b));
}

/// exp(x), NaN where x is.
fn exponential(x: f32) -> f32 {
  return nan_if(is_nan(x), exp(x));
}

fn exponential_of_four(x: vec4f) -> vec4f {
  return four_nan_if(magnitude_bits_of_four(x) > vec4u(infinity_bits), exp(x));
}
