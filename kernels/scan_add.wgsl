// y[row, i] += before[row, block of i]: what the blocks before come to, for each element of a block.

struct Params {
  size: u32,    // elements of all rows
  length: u32,  // of a row
  blocks: u32,  // of a row
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> before: array<u32>;   // (rows, blocks)
@group(0) @binding(2) var<storage, read_write> y: array<u32>;  // (rows, length): words of f32, i32 or u32

override floats: bool = true;
override reverse: bool = false;
override block_length: u32 = 2048u;  // of scan

// use: grid
// use: rounds
// use: plus

@compute @workgroup_size(lanes)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  for (var round = 0u; round < rounds; round++) {
    let item = item_index(workgroup_index(group, groups), round, lane);
    if (item >= params.size) { return; }
    let i = item % params.length;
    let block = select(i, params.length - 1u - i, reverse) / block_length;
    if (block > 0u) { y[item] = plus(before[item / params.length * params.blocks + block], y[item]); }
  }
}
