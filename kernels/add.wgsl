// y[i] = a[i] + b[i]
//
// Each invocation takes four elements at a time.

struct Params {
  size: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<vec4f>;        // (size), four by four
@group(0) @binding(2) var<storage, read> b: array<vec4f>;        // (size), four by four
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>;  // (size), four by four

// use: grid
// use: rounds

@compute @workgroup_size(lanes)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  for (var round = 0u; round < rounds; round++) {
    let i = item_index(workgroup_index(group, groups), round, lane);
    if (4u * i >= params.size) { break; }
    y[i] = a[i] + b[i];
  }
}
