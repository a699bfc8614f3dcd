// counts[row, digit, block] = how many keys of a block have a digit, of four bits

// use: radix

@group(0) @binding(2) var<storage, read_write> counts: array<u32>;  // (rows, 16, blocks)

// use: grid
// use: block

var<workgroup> found: array<atomic<u32>, 16>;

@compute @workgroup_size(lanes)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let block = block_of(workgroup_index(group, groups), params.blocks);
  if (block.row >= params.rows) { return; }
  let first = (block.index * lanes + lane) * each;
  for (var i = first; i < min(first + each, params.length); i++) {
    // Integers: the order of counting changes nothing.
    atomicAdd(&found[digit_of(keys[block.row * params.length + i])], 1u);
  }
  workgroupBarrier();
  if (lane < 16u) { counts[(block.row * 16u + lane) * params.blocks + block.index] = atomicLoad(&found[lane]); }
}
