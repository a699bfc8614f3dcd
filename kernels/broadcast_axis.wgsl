// y[o, j, i] = scale * x[o, i] for every j
//
// Each invocation takes several elements.

struct Params {
  outer: u32,
  length: u32,  // of the axis
  inner: u32,
  scale: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;        // (outer, inner)
@group(0) @binding(2) var<storage, read_write> y: array<f32>;  // (outer, length, inner)

// use: grid
// use: rounds

@compute @workgroup_size(lanes)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  for (var round = 0u; round < rounds; round++) {
    let index = item_index(workgroup_index(group, groups), round, lane);
    let outer = index / (params.length * params.inner);
    if (outer >= params.outer) { return; }
    y[index] = params.scale * x[outer * params.inner + index % params.inner];
  }
}
