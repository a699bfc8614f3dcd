// dtable[s, t, c] = the sum of dy[s, p, c] over the positions p of shard s with token t, in order, for every t that
// occurs; rows of other tokens are left as they are
//
// A workgroup per position, whose lanes take every lanes-th column; only those of first positions go on, along the chain of
// positions with the same token. No two of them write the same row.

struct Params {
  shards: u32,
  positions: u32,  // of a shard
  vocabulary: u32,
  columns: u32,
  start: u32,  // of the rows that are bound, counted over all shards
  rows: u32,   // that are bound
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> tokens: array<u32>;        // (shards, positions)
@group(0) @binding(2) var<storage, read> next: array<u32>;          // (shards, positions)
@group(0) @binding(3) var<storage, read> first: array<u32>;         // (shards, positions)
@group(0) @binding(4) var<storage, read> dy: array<f32>;            // (shards, positions, columns)
@group(0) @binding(5) var<storage, read_write> dtable: array<f32>;  // (rows, columns): a part of (shards · vocabulary, columns)

override lanes: u32 = 32u;

// use: grid

@compute @workgroup_size(lanes)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = workgroup_index(group, groups);
  if (row >= params.shards * params.positions) { return; }
  if (first[row] == 0u) { return; }
  let shard = row / params.positions;
  let start = shard * params.positions;
  let target_row = shard * params.vocabulary + tokens[row] - params.start;
  if (target_row >= params.rows) { return; }
  for (var c = lane; c < params.columns; c += lanes) {
    var sum = 0.0;
    for (var position = row - start; position < params.positions; position = next[start + position]) {
      sum += dy[(start + position) * params.columns + c];
    }
    dtable[target_row * params.columns + c] = sum;
  }
}
