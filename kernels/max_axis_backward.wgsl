// dx[o, j, i] = dy[o, i] where j = at[o, i], else 0
//
// Each invocation takes several elements.

struct Params {
  outer: u32,
  length: u32,  // of the axis
  inner: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dy: array<f32>;        // (outer, inner)
@group(0) @binding(2) var<storage, read> at: array<u32>;        // (outer, inner)
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;  // (outer, length, inner)

// use: grid
// use: rounds

@compute @workgroup_size(lanes)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  for (var round = 0u; round < rounds; round++) {
    let index = item_index(workgroup_index(group, groups), round, lane);
    let outer = index / (params.length * params.inner);
    if (outer >= params.outer) { return; }
    let output = outer * params.inner + index % params.inner;
    dx[index] = select(0.0, dy[output], index / params.inner % params.length == at[output]);
  }
}
