// y[i] = the sum of x[0, i], x[1, i], … x[shards - 1, i] along the fixed binary tree over the shard index:
// ((0 + 1) + (2 + 3)) + ((4 + 5) + (6 + 7)), subnormals flushed at every addition.
//
// One invocation per element walks the leaves in order and keeps the partial sums of a binary counter: after leaf
// s it folds as many levels as s + 1 has trailing zero bits, so log2(shards) values suffice. shards is a power of two.

struct Params {
  size: u32,
  shards: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;        // (shards, size)
@group(0) @binding(2) var<storage, read_write> y: array<f32>;  // (size)

override lanes: u32 = 64u;

// use: grid
// use: flush

@compute @workgroup_size(lanes)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = workgroup_index(group, groups) * lanes + lane;
  if (i >= params.size) { return; }
  var levels: array<f32, 16>;
  var sum = x[i];
  for (var s = 1u; s <= params.shards; s++) {
    var level = 0u;
    for (; ((s >> level) & 1u) == 0u; level++) { sum = add_flushed(levels[level], sum); }
    levels[level] = sum;
    if (s < params.shards) { sum = x[s * params.size + i]; }
  }
  y[i] = sum;
}
