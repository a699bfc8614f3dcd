/// tanh x: by its series near 0, where 1 − exp(−2x) would lose digits. Needs ieee754.
fn hyperbolic_tangent(x: f32) -> f32 {
  let s = x * x;
  let near = x * (1.0 + s * (-0.33333333333 + s * (0.13333333333 + s * (-0.053968253968 + s * 0.021869488536))));
  let e = exp(-2.0 * min(abs(x), 44.0));
  let far = (1.0 - e) / (1.0 + e);
  return nan_if(is_nan(x), select(select(far, -far, x < 0.0), near, abs(x) < 0.25));
}
