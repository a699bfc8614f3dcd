// Numbers as words of the same order, so that they can be compared as integers: -0 and 0 alike, every NaN above all others.
fn order_of_f32(x: f32) -> u32 {
  let bits = bitcast<u32>(x);
  let magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) { return 0xffffffffu; }
  return select(0x80000000u + magnitude, 0x80000000u - magnitude, bits > 0x7fffffffu);
}

/// The same with the smallest first; every NaN stays above all others.
fn reverse_order_of_f32(x: f32) -> u32 {
  let order = order_of_f32(x);
  return select(~order, order, order == 0xffffffffu);
}

fn order_of_u32(x: u32) -> u32 { return x; }
fn reverse_order_of_u32(x: u32) -> u32 { return ~x; }
fn order_of_i32(x: i32) -> u32 { return bitcast<u32>(x) ^ 0x80000000u; }
fn reverse_order_of_i32(x: i32) -> u32 { return ~order_of_i32(x); }
