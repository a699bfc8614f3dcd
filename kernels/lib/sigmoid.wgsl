/// exp(-x), held within what f32 can take the inverse of.
fn sigmoid_exponential(x: vec4f) -> vec4f {
  return exp(clamp(-x, vec4f(-80.0), vec4f(80.0)));
}

/// 1 / (1 + exp(-x)) from e = exp(-x); 1 minus it is e times it, with all its digits.
fn sigmoid(e: vec4f) -> vec4f {
  return 1.0 / (1.0 + e);
}
