// y[o, i] = the sum of x[o, 0, i], x[o, 1, i], … x[o, leaves - 1, i] along the fixed binary tree over the second axis,
// subnormals flushed at every addition, and the leaves and every sum rounded to int8 with a scale per block of 32
// neighbours: q · 2^e, |q| ≤ 127, with the least e ≥ -126 that reaches the largest of the block (OCP's MXINT8, the scale
// counted on the integers).
//
// One lane per block, because a block has one scale. Leaves are taken one by one; a sum is made as soon as both its halves are
// there, so that a lane holds one block per level of the tree.

struct Params {
  inner: u32,
  blocks: u32,  // of all rows: outer · ⌈inner / 32⌉
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;        // (outer, leaves, inner)
@group(0) @binding(2) var<storage, read_write> y: array<f32>;  // (outer, inner)

override leaves: u32 = 8u; // 1, 2, 4 or 8
override lanes: u32 = 32u;

// use: grid
// use: ieee754
// use: flush

// use: int8_block

@compute @workgroup_size(lanes)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let index = workgroup_index(group, groups) * lanes + lane;
  if (index >= params.blocks) { return; }
  let blocks_per_row = (params.inner + size - 1u) / size;
  let outer = index / blocks_per_row;
  let start = index % blocks_per_row * size;
  let count = min(size, params.inner - start);

  var halves: array<Block, 4>; // one per level of the tree: a left half that waits for its right
  var sum: Block;
  for (var leaf = 0u; leaf < leaves; leaf++) {
    let first = (outer * leaves + leaf) * params.inner + start;
    sum = Block();
    for (var i = 0u; i < count; i++) { sum[i] = x[first + i]; }
    to_int8(&sum);
    var level = 0u;
    for (var left = leaf; left % 2u == 1u; left /= 2u) {
      for (var i = 0u; i < size; i++) { sum[i] = add_flushed(halves[level][i], sum[i]); }
      to_int8(&sum);
      level++;
    }
    halves[level] = sum;
  }
  for (var i = 0u; i < count; i++) { y[outer * params.inner + start + i] = sum[i]; }
}
