// y[i] = gate[i] / (1 + exp(-gate[i])) * up[i]
//
// One invocation per four elements.

struct Params {
  size: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> gate: array<vec4f>;     // (size), four by four
@group(0) @binding(2) var<storage, read> up: array<vec4f>;       // (size), four by four
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>;  // (size), four by four

override lanes: u32 = 64u;

// use: grid
// use: sigmoid

@compute @workgroup_size(lanes)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = workgroup_index(group, groups) * lanes + lane;
  if (4u * i >= params.size) { return; }
  let g = gate[i];
  y[i] = g * sigmoid(sigmoid_exponential(g)) * up[i];
}
