// y[i] = y[i] + x[i], subnormals flushed before and after, the sum rounded to int8 with a scale per block of 32 neighbours: a node of
// the canonical tree from its two halves.
//
// One lane per block, because a block has one scale.

struct Params {
  size: u32,
  blocks: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;        // (size)
@group(0) @binding(2) var<storage, read_write> y: array<f32>;  // (size)

override lanes: u32 = 32u;

// use: grid
// use: ieee754
// use: flush
// use: int8_block

@compute @workgroup_size(lanes)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let index = workgroup_index(group, groups) * lanes + lane;
  if (index >= params.blocks) { return; }
  let start = index * size;
  let count = min(size, params.size - start);
  var sum = Block();
  for (var i = 0u; i < count; i++) { sum[i] = add_flushed(y[start + i], x[start + i]); }
  to_int8(&sum);
  for (var i = 0u; i < count; i++) { y[start + i] = sum[i]; }
}
