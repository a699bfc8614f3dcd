// Puts the keys and values of one token per sequence at the current position of their caches.
//
// One invocation per element of a cache's row.

struct Params {
  batches: u32,
  context: u32,
  queries: u32,  // width of all query heads
  width: u32,    // of all key and value heads
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> qkv: array<f32>;          // (batches, queries + width)
@group(0) @binding(2) var<storage, read> position: array<u32>;     // (1)
@group(0) @binding(3) var<storage, read_write> cache: array<f32>;  // (batches, context, width)

override lanes: u32 = 64u;

// use: grid

@compute @workgroup_size(lanes)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = workgroup_index(group, groups) * lanes + lane;
  let batch = i / params.width;
  let column = i % params.width;
  if (batch >= params.batches || position[0] >= params.context) { return; }
  cache[(batch * params.context + position[0]) * params.width + column] =
    qkv[batch * (params.queries + params.width) + params.queries + column];
}
