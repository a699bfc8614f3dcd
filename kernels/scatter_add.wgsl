// y[row, v] = x[row, v] + the values whose index is v, in the order of their places
//
// `places` sorts a row's indices, so that an element's values lie between two places that are found by bisection: no atomics, and one
// order of adding. They are added up 64 at a time, for precision.

struct Params {
  size: u32,        // elements of y
  length: u32,      // of a row of x
  count: u32,       // of a row of values
  x_rows: u32,      // rows that x has
  index_rows: u32,  // rows that the indices have
  value_rows: u32,  // rows that the values have
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<u32>;        // (x_rows, length): words of f32, i32 or u32
@group(0) @binding(2) var<storage, read> index: array<u32>;    // (index_rows, count)
@group(0) @binding(3) var<storage, read> places: array<u32>;   // (index_rows, count)
@group(0) @binding(4) var<storage, read> values: array<u32>;   // (value_rows, count)
@group(0) @binding(5) var<storage, read_write> y: array<u32>;  // (rows, length)

override floats: bool = true;

// use: grid
// use: rounds
// use: plus

/// How many of a row's sorted indices are below `wanted`.
fn below(wanted: u32, first: u32) -> u32 {
  var low = 0u;
  var high = params.count;
  while (low < high) {
    let middle = (low + high) / 2u;
    if (index[first + places[first + middle]] < wanted) { low = middle + 1u; } else { high = middle; }
  }
  return low;
}

@compute @workgroup_size(lanes)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  for (var round = 0u; round < rounds; round++) {
    let item = item_index(workgroup_index(group, groups), round, lane);
    if (item >= params.size) { return; }
    let v = item % params.length;
    let row = item / params.length;
    let of_indices = row % params.index_rows * params.count;
    let of_values = row % params.value_rows * params.count;
    var total = x[row % params.x_rows * params.length + v];
    let end = below(v + 1u, of_indices);
    for (var start = below(v, of_indices); start < end; start += 64u) {
      var sum = 0u;
      for (var j = start; j < min(start + 64u, end); j++) { sum = plus(sum, values[of_values + places[of_indices + j]]); }
      total = plus(total, sum);
    }
    y[item] = total;
  }
}
