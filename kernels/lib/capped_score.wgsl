override capped: bool = false;  // a score s becomes cap tanh(s / cap)

fn capped_score(score: f32, cap: f32) -> f32 {
  if (!capped) { return score; }
  return cap * hyperbolic_tangent(score / cap);
}
