/// The sum of two words that hold floats, or integers, which wrap round.
fn plus(a: u32, b: u32) -> u32 {
  if (floats) { return bitcast<u32>(bitcast<f32>(a) + bitcast<f32>(b)); }
  return a + b;
}
