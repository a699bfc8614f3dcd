// What elements are sorted by: words in the order of the elements, NaN as the largest.
override kind: u32 = 0u;  // of element: 0 f32, 1 i32, 2 u32
override descending: bool = false;

fn key_of(word: u32) -> u32 {
  var key = word;
  if (kind == 0u) { key = order_of_f32(bitcast<f32>(word)); }
  if (kind == 1u) { key = order_of_i32(bitcast<i32>(word)); }
  return select(key, ~key, descending);
}
