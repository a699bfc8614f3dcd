// y[i] = y[i] + x[i], subnormals flushed before and after: a node of the canonical tree from its two halves. With `bf16`, the sum is
// rounded to bf16.

struct Params {
  size: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;        // (size)
@group(0) @binding(2) var<storage, read_write> y: array<f32>;  // (size)

override bf16: bool = false;

// use: grid
// use: rounds
// use: ieee754
// use: flush
// use: bf16

@compute @workgroup_size(lanes)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  for (var round = 0u; round < rounds; round++) {
    let i = item_index(workgroup_index(group, groups), round, lane);
    if (i >= params.size) { break; }
    let sum = add_flushed(y[i], x[i]);
    if (bf16) { y[i] = to_bf16(sum); } else { y[i] = sum; }
  }
}
