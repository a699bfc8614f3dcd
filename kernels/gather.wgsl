// y[o, n, c] = x[o, index[o, n, c], c], or 0 where the index is beyond the axis

struct Params {
  size: u32,         // elements of y
  length: u32,       // of the axis of x
  picked: u32,       // of the axis of y
  inner: u32,        // elements of one place of the axis
  x_rows: u32,       // outer places that x has
  index_rows: u32,   // outer places that the indices have
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<u32>;        // (x_rows, length, inner): words of any type
@group(0) @binding(2) var<storage, read> index: array<u32>;    // (index_rows, picked, inner)
@group(0) @binding(3) var<storage, read_write> y: array<u32>;  // (rows, picked, inner)

// use: grid
// use: rounds

@compute @workgroup_size(lanes)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  for (var round = 0u; round < rounds; round++) {
    let item = item_index(workgroup_index(group, groups), round, lane);
    if (item >= params.size) { return; }
    let c = item % params.inner;
    let row = item / params.inner / params.picked;
    let at = index[item % (params.index_rows * params.picked * params.inner)];
    let known = at < params.length;
    let place = (row % params.x_rows * params.length + select(0u, at, known)) * params.inner + c;
    y[item] = select(0u, x[place], known);
  }
}
