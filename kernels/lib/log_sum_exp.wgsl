// A sum of exponentials beside the largest exponent, so that no term overflows and the largest keeps all its digits. NaN among
// the exponents makes the largest NaN, and the sum is then of no use.
struct Exponentials {
  largest: f32,
  sum: f32,  // of exp(z - largest)
}

const no_exponentials = Exponentials(-3.4028234e38, 0.0);

fn join(a: Exponentials, b: Exponentials) -> Exponentials {
  let largest = maximum(a.largest, b.largest);
  return Exponentials(largest, a.sum * exp(a.largest - largest) + b.sum * exp(b.largest - largest));
}

/// Whether a row has no softmax: an exponent is NaN or infinitely large, or all are -infinity.
fn has_no_softmax(row: Exponentials) -> bool {
  return is_unsound(row.largest) || row.sum == 0.0;
}
