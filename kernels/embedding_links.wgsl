// next[s, p] = the next position of shard s with the token of position p, or `positions` where there is none
// first[s, p] = 1 where no earlier position of the shard has that token and the token is in the table, else 0
//
// One invocation per position looks at every position of its shard; a workgroup stays within a shard, so that its lanes
// read the same token at the same time.

struct Params {
  shards: u32,
  positions: u32,  // of a shard
  vocabulary: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> tokens: array<u32>;       // (shards, positions)
@group(0) @binding(2) var<storage, read_write> next: array<u32>;   // (shards, positions)
@group(0) @binding(3) var<storage, read_write> first: array<u32>;  // (shards, positions)

override lanes: u32 = 32u;

// use: grid

@compute @workgroup_size(lanes)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let blocks = (params.positions + lanes - 1u) / lanes;
  let index = workgroup_index(group, groups);
  let position = index % blocks * lanes + lane;
  if (index / blocks >= params.shards || position >= params.positions) { return; }
  let start = index / blocks * params.positions;
  let token = tokens[start + position];
  var follower = params.positions;
  var is_first = token < params.vocabulary;
  for (var other = 0u; other < params.positions; other++) {
    let same = tokens[start + other] == token;
    is_first = is_first && !(same && other < position);
    follower = min(follower, select(params.positions, other, same && other > position));
  }
  next[start + position] = follower;
  first[start + position] = u32(is_first);
}
