// y[o, i] = the sum of x[o, 0, i], x[o, 1, i], … x[o, leaves - 1, i] along the fixed binary tree over the second axis:
// ((0 + 1) + (2 + 3)) + ((4 + 5) + (6 + 7)), subnormals flushed at every addition. With `bf16`, the leaves and every sum are
// rounded to bf16.
//
// One item per output element; its leaves are folded level by level in registers. Wider trees take several passes.

struct Params {
  size: u32,
  inner: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;        // (outer, leaves, inner)
@group(0) @binding(2) var<storage, read_write> y: array<f32>;  // (outer, inner): size elements

override leaves: u32 = 8u; // 1, 2, 4 or 8
override bf16: bool = false;

// use: grid
// use: rounds
// use: ieee754
// use: flush
// use: bf16

fn rounded(x: f32) -> f32 {
  if (bf16) { return to_bf16(x); }
  return x;
}

@compute @workgroup_size(lanes)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  for (var round = 0u; round < rounds; round++) {
    let i = item_index(workgroup_index(group, groups), round, lane);
    if (i >= params.size) { break; }
    let first = i / params.inner * leaves * params.inner + i % params.inner;
    var sums: array<f32, 8>;
    for (var leaf = 0u; leaf < leaves; leaf++) { sums[leaf] = rounded(x[first + leaf * params.inner]); }
    for (var width = leaves / 2u; width > 0u; width /= 2u) {
      for (var j = 0u; j < width; j++) { sums[j] = rounded(add_flushed(sums[2u * j], sums[2u * j + 1u])); }
    }
    y[i] = sums[0];
  }
}
