// y[o, k, i] = scale * the sum of x[o, j, i] over the j of chunk k
//
// A team of lanes per output. Chunks keep sums short, for precision, and give a GPU enough to do when outputs are few;
// a second run adds the chunks.

struct Params {
  outer: u32,
  length: u32,  // of the axis
  inner: u32,
  chunk: u32,   // elements of a chunk; the last may be shorter
  chunks: u32,
  scale: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;        // (outer, length, inner)
@group(0) @binding(2) var<storage, read_write> y: array<f32>;  // (outer, chunks, inner)

// use: grid
// use: team

@compute @workgroup_size(lanes)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let index = (workgroup_index(group, groups) * lanes + lane) / team;
  let exists = index < params.outer * params.chunks * params.inner;
  let chunk = index / params.inner;
  let start = chunk % params.chunks * params.chunk;
  let end = select(0u, min(params.length, start + params.chunk), exists);
  let origin = chunk / params.chunks * params.length * params.inner + index % params.inner;

  var sum = 0.0;
  for (var j = start + lane % team; j < end; j += team) { sum += x[origin + j * params.inner]; }
  sum = team_sum(sum, lane);
  if (exists && lane % team == 0u) { y[index] = sum * params.scale; }
}
