// A sum of exponentials beside the largest exponent, so that no term overflows and the largest keeps all its digits.
struct Exponentials {
  largest: f32,
  sum: f32,  // of exp(z - largest)
}

const no_exponentials = Exponentials(-3.4028234e38, 0.0);

fn join(a: Exponentials, b: Exponentials) -> Exponentials {
  let largest = max(a.largest, b.largest);
  return Exponentials(largest, a.sum * exp(a.largest - largest) + b.sum * exp(b.largest - largest));
}
