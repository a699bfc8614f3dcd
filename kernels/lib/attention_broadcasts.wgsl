// Rows that a whole workgroup goes through, each loaded but once: a workgroup is one subgroup of 4 or 8 lanes, lane l loads
// the columns l, l + rows, l + 2 rows, and all get them by broadcast. Past the head's columns, where what they are
// multiplied with is zero or not stored, its last column stands in.
override rows: u32 = 8u;      // 4 or 8, as many as lanes
override columns: u32 = 32u;  // head_size, rounded up to a multiple of 8

var<private> first_loaded: array<f32, 32>;
var<private> second_loaded: array<f32, 32>;

/// Columns c to c + 3 of the row that was loaded first.
fn first_four(c: u32) -> vec4f {
  return four_lanes(first_loaded[c / rows], c % rows == 4u);
}

/// Columns c to c + 3 of the row that was loaded second.
fn second_four(c: u32) -> vec4f {
  return four_lanes(second_loaded[c / rows], c % rows == 4u);
}

/// What lanes 0 to 3 of the subgroup hold, or lanes 4 to 7.
fn four_lanes(x: f32, high: bool) -> vec4f {
  if (high) { return vec4f(subgroupBroadcast(x, 4u), subgroupBroadcast(x, 5u), subgroupBroadcast(x, 6u), subgroupBroadcast(x, 7u)); }
  return vec4f(subgroupBroadcast(x, 0u), subgroupBroadcast(x, 1u), subgroupBroadcast(x, 2u), subgroupBroadcast(x, 3u));
}
