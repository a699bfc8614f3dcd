// y[p, c] = table[tokens[p], c], or 0 where the token is not in the table
//
// A team of lanes per position.

struct Params {
  positions: u32,
  vocabulary: u32,
  columns: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> tokens: array<u32>;   // (positions)
@group(0) @binding(2) var<storage, read> table: array<f32>;    // (vocabulary, columns)
@group(0) @binding(3) var<storage, read_write> y: array<f32>;  // (positions, columns)

override lanes: u32 = 32u;
override team: u32 = 1u;

// use: grid

@compute @workgroup_size(lanes)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let position = (workgroup_index(group, groups) * lanes + lane) / team;
  if (position >= params.positions) { return; }
  let token = tokens[position];
  let known = token < params.vocabulary;
  let row = select(0u, token, known) * params.columns;
  for (var c = lane % team; c < params.columns; c += team) {
    y[position * params.columns + c] = select(0.0, table[row + c], known);
  }
}
