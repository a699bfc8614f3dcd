// y[o, j, i] = scale * x[o, i] for every j
//
// One invocation per element.

struct Params {
  outer: u32,
  length: u32,  // of the axis
  inner: u32,
  scale: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;        // (outer, inner)
@group(0) @binding(2) var<storage, read_write> y: array<f32>;  // (outer, length, inner)

override lanes: u32 = 64u;

// use: grid

@compute @workgroup_size(lanes)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let index = workgroup_index(group, groups) * lanes + lane;
  let outer = index / (params.length * params.inner);
  if (outer >= params.outer) { return; }
  y[index] = params.scale * x[outer * params.inner + index % params.inner];
}
