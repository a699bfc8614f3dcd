// dx[i] = dy[i] * (s + x s (1 - s) 2 u'), s = 1 / (1 + exp(-2 u)), u = √(2/π) (x + 0.044715 x³), x = x[i]
//
// Each invocation takes four elements at a time.

struct Params {
  size: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;         // (size), four by four
@group(0) @binding(2) var<storage, read> dy: array<vec4f>;        // (size), four by four
@group(0) @binding(3) var<storage, read_write> dx: array<vec4f>;  // (size), four by four

// use: grid
// use: rounds
// use: gelu

@compute @workgroup_size(lanes)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  for (var round = 0u; round < rounds; round++) {
    let i = item_index(workgroup_index(group, groups), round, lane);
    if (4u * i >= params.size) { return; }
    dx[i] = dy[i] * gelu_slope(x[i]);
  }
}
