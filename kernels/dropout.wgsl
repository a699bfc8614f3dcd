// y[s, i] = x[s, i] * scale where the random word of element i of shard s is at least `threshold`, else 0
//
// One invocation per four elements of a shard, which share a counter: (i / 4, shard, step, layer and purpose), under the
// seed as key. The mask depends on nothing else, so backward draws it again and a shard has the same one everywhere.

struct Params {
  shards: u32,
  size: u32,       // elements of a shard
  layer: u32,
  threshold: u32,  // rate * 2³²
  scale: f32,      // 1 / (1 - rate)
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;        // (shards, size)
@group(0) @binding(2) var<storage, read> random: array<u32>;   // seed (low word, high word), step, first shard of the pass
@group(0) @binding(3) var<storage, read_write> y: array<f32>;  // (shards, size)

override lanes: u32 = 64u;

// What the words are drawn for: apart from initial weights (0 and 1) and the order of the data (2).
const purpose = 3u;

// use: grid
// use: philox

@compute @workgroup_size(lanes)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let quads = (params.size + 3u) / 4u;
  let index = workgroup_index(group, groups) * lanes + lane;
  let shard = index / quads;
  if (shard >= params.shards) { return; }
  let quad = index % quads;
  let counter = vec4u(quad, random[3] + shard, random[2], 256u * params.layer + purpose);
  let words = philox(counter, vec2u(random[0], random[1]));
  let start = shard * params.size + 4u * quad;
  let count = min(4u, params.size - 4u * quad);
  for (var i = 0u; i < count; i++) { y[start + i] = select(0.0, x[start + i] * params.scale, words[i] >= params.threshold); }
}
