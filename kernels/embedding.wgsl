// y[p, c] = table[tokens[p], c], or 0 where the token is not in the table
//
// One invocation per column; a workgroup stays within a position.

struct Params {
  positions: u32,
  vocabulary: u32,
  columns: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> tokens: array<u32>;   // (positions)
@group(0) @binding(2) var<storage, read> table: array<f32>;    // (vocabulary, columns)
@group(0) @binding(3) var<storage, read_write> y: array<f32>;  // (positions, columns)

override lanes: u32 = 64u;

// use: grid

@compute @workgroup_size(lanes)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let blocks = (params.columns + lanes - 1u) / lanes;
  let index = workgroup_index(group, groups);
  let position = index / blocks;
  let column = index % blocks * lanes + lane;
  if (position >= params.positions || column >= params.columns) { return; }
  let token = tokens[position];
  var value = 0.0;
  if (token < params.vocabulary) { value = table[token * params.columns + column]; }
  y[position * params.columns + column] = value;
}
