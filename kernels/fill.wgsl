// y[i] = value
//
// One item per element.

struct Params {
  size: u32,
  value: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;  // (size)

// use: grid
// use: rounds

@compute @workgroup_size(lanes)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  for (var round = 0u; round < rounds; round++) {
    let i = item_index(workgroup_index(group, groups), round, lane);
    if (i >= params.size) { break; }
    y[i] = params.value;
  }
}
