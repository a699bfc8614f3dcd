// y[k] = the sum of x[i]² over chunk k
//
// A team of lanes per chunk.

struct Params {
  size: u32,
  chunk: u32,   // elements of a chunk, a multiple of four; the last may be shorter
  chunks: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;      // (size), four by four; what fills up the last four is zero
@group(0) @binding(2) var<storage, read_write> y: array<f32>;  // (chunks)

// use: grid
// use: team

@compute @workgroup_size(lanes)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let chunk = (workgroup_index(group, groups) * lanes + lane) / team;
  let exists = chunk < params.chunks;
  let start = chunk * params.chunk / 4u;
  let end = select(0u, (min(params.size, (chunk + 1u) * params.chunk) + 3u) / 4u, exists);
  var squares = vec4f(0.0);
  for (var i = start + lane % team; i < end; i += team) { squares += x[i] * x[i]; }
  let sum = team_sum((squares.x + squares.y) + (squares.z + squares.w), lane);
  if (exists && lane % team == 0u) { y[chunk] = sum; }
}
