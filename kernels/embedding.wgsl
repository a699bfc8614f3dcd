// y[p, c] = table[tokens[p], c], or 0 where the token is not in the table
//
// A team of lanes per position.

struct Params {
  positions: u32,
  start: u32,       // of the rows that are bound, which are a part of the table if it is too large
  vocabulary: u32,  // rows that are bound
  columns: u32,
  isFirst: u32,     // 0 leaves positions with other tokens as they are
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> tokens: array<u32>;   // (positions)
@group(0) @binding(2) var<storage, read> table: array<f32>;    // (vocabulary, columns): rows from `start` on
@group(0) @binding(3) var<storage, read_write> y: array<f32>;  // (positions, columns)

override lanes: u32 = 32u;
override team: u32 = 1u;

// use: grid

@compute @workgroup_size(lanes)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let position = (workgroup_index(group, groups) * lanes + lane) / team;
  if (position >= params.positions) { return; }
  let token = tokens[position] - params.start;
  let known = token < params.vocabulary;
  if (!known && params.isFirst == 0u) { return; }
  let row = select(0u, token, known) * params.columns;
  for (var c = lane % team; c < params.columns; c += team) {
    y[position * params.columns + c] = select(0.0, table[row + c], known);
  }
}
