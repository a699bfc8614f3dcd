// GELU in the form with tanh. (1 + tanh u) / 2 is 1 / (1 + exp(-2 u)), which loses no digits where tanh u nears -1.

/// exp(-2 u), u = √(2/π) (x + 0.044715 x³), held within what f32 can take the inverse of.
fn gelu_exponential(x: vec4f) -> vec4f {
  return exp(clamp(-1.5957691216 * x * (1.0 + 0.044715 * x * x), vec4f(-80.0), vec4f(80.0)));
}

/// The share of x that gelu(x) lets through.
fn gelu_gate(x: vec4f) -> vec4f {
  return 1.0 / (1.0 + gelu_exponential(x));
}

/// The derivative of gelu at x.
fn gelu_slope(x: vec4f) -> vec4f {
  let e = gelu_exponential(x);
  let gate = 1.0 / (1.0 + e);
  return gate + x * gate * gate * e * (1.5957691216 * (1.0 + 3.0 * 0.044715 * x * x));
}
