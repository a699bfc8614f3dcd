// dweight[s, k, c] = the sum of dy[r, c] * (x[r, c] - mean[r]) * rstd[r], dbias[s, k, c] = the sum of dy[r, c],
// over the rows r of chunk k of shard s
//
// One invocation per column of a chunk; a workgroup stays within a chunk, so that its lanes read the same mean and rstd.

struct Params {
  rows: u32,     // of a shard
  columns: u32,
  chunk: u32,    // rows of a chunk; the last may be shorter
  chunks: u32,   // of a shard
  shards: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;              // (shards, rows, columns)
@group(0) @binding(2) var<storage, read> mean: array<f32>;           // (shards, rows)
@group(0) @binding(3) var<storage, read> rstd: array<f32>;           // (shards, rows)
@group(0) @binding(4) var<storage, read> dy: array<f32>;             // (shards, rows, columns)
@group(0) @binding(5) var<storage, read_write> dweight: array<f32>;  // (shards, chunks, columns)
@group(0) @binding(6) var<storage, read_write> dbias: array<f32>;    // (shards, chunks, columns)

override lanes: u32 = 32u;

// use: grid

@compute @workgroup_size(lanes)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let blocks = (params.columns + lanes - 1u) / lanes;
  let index = workgroup_index(group, groups);
  let chunk = index / blocks;
  let column = index % blocks * lanes + lane;
  if (chunk >= params.shards * params.chunks || column >= params.columns) { return; }

  let shard_start = chunk / params.chunks * params.rows;
  let start = chunk % params.chunks * params.chunk;
  let end = shard_start + min(params.rows, start + params.chunk);
  var weight_sum = 0.0;
  var bias_sum = 0.0;
  for (var row = shard_start + start; row < end; row++) {
    let i = row * params.columns + column;
    weight_sum += dy[i] * ((x[i] - mean[row]) * rstd[row]);
    bias_sum += dy[i];
  }
  dweight[chunk * params.columns + column] = weight_sum;
  dbias[chunk * params.columns + column] = bias_sum;
}
