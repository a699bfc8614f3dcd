// y[o, i] = the sum of x[o, 0, i], x[o, 1, i], … x[o, leaves - 1, i] along the fixed binary tree over the second axis, as
// tree_sum.wgsl, where the third axis is one of fours: the same bits, with a quarter of the loads.
//
// One item per four output elements, whose leaves are folded in registers.

struct Params {
  size: u32,   // in fours, as inner
  inner: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;        // (outer, leaves, inner)
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;  // (outer, inner): size fours

override leaves: u32 = 8u; // 1, 2, 4 or 8
override bf16: bool = false;

// use: grid
// use: rounds
// use: ieee754
// use: flush
// use: bf16

fn rounded(x: vec4f) -> vec4f {
  if (bf16) { return vec4f(to_bf16(x.x), to_bf16(x.y), to_bf16(x.z), to_bf16(x.w)); }
  return x;
}

// Sums of 2, 4 and 8 leaves, the first of them at `at`, by name: an array of sums would lie in memory.
fn sum_of_two(at: u32, inner: u32) -> vec4f {
  return rounded(add_flushed_four(rounded(x[at]), rounded(x[at + inner])));
}

fn sum_of_four(at: u32, inner: u32) -> vec4f {
  return rounded(add_flushed_four(sum_of_two(at, inner), sum_of_two(at + 2u * inner, inner)));
}

fn sum_of_eight(at: u32, inner: u32) -> vec4f {
  return rounded(add_flushed_four(sum_of_four(at, inner), sum_of_four(at + 4u * inner, inner)));
}

@compute @workgroup_size(lanes)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let size = params.size;
  let inner = params.inner;
  for (var round = 0u; round < rounds; round++) {
    let i = item_index(workgroup_index(group, groups), round, lane);
    if (i >= size) { break; }
    let first = i / inner * leaves * inner + i % inner;
    switch (leaves) {
      case 8u: { y[i] = sum_of_eight(first, inner); }
      case 4u: { y[i] = sum_of_four(first, inner); }
      case 2u: { y[i] = sum_of_two(first, inner); }
      default: { y[i] = rounded(x[first]); }
    }
  }
}
