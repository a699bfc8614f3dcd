// places[row, r] = the place of the r-th of a row's elements in order, equal ones by their places
//
// For short rows: an element counts those before it.

struct Params {
  size: u32,    // elements of all rows
  length: u32,  // of a row
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<u32>;             // (rows, length): words of f32, i32 or u32
@group(0) @binding(2) var<storage, read_write> places: array<u32>;  // (rows, length)

// use: grid
// use: rounds
// use: order
// use: sort_key

@compute @workgroup_size(lanes)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  for (var round = 0u; round < rounds; round++) {
    let item = item_index(workgroup_index(group, groups), round, lane);
    if (item >= params.size) { return; }
    let own = item % params.length;
    let first = item - own;
    let key = key_of(x[item]);
    var rank = 0u;
    for (var i = 0u; i < params.length; i++) {
      let other = key_of(x[first + i]);
      rank += select(0u, 1u, other < key || (other == key && i < own));
    }
    places[first + rank] = own;
  }
}
