/// 1 / (1 + exp(−x)). Needs ieee754.
fn logistic(x: f32) -> f32 {
  let e = exp(-min(abs(x), 88.0));
  return nan_if(is_nan(x), select(1.0 / (1.0 + e), e / (1.0 + e), x < 0.0));
}

/// log(1 + exp(x)), without overflow.
fn soft_plus(x: f32) -> f32 {
  let e = exp(-min(abs(x), 88.0));
  // log(1 + e) by its series where e is small, which 1 + e would lose.
  let rest = select(log(1.0 + e), e * (1.0 - e * (0.5 - e * (0.33333333 - e * 0.25))), e < 0.03);
  return nan_if(is_nan(x), max(x, 0.0) + rest);
}
