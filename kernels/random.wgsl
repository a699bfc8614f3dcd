// y[s, i] = low + (high - low) u for the uniform number u in [0, 1) of element i of shard s, or, with `normal`, low + high n for the
// normal number n (Box & Muller 1958)
//
// One invocation per four elements of a shard, which share a counter: (i / 4, shard, step, layer and purpose), under the seed as key. A
// number depends on nothing else.

struct Params {
  shards: u32,
  size: u32,   // elements of a shard
  layer: u32,
  low: f32,
  high: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> random: array<u32>;   // seed (low word, high word), step, first shard of the pass
@group(0) @binding(2) var<storage, read_write> y: array<f32>;  // (shards, size)

override lanes: u32 = 64u;
override normal: bool = false;

// What the words are drawn for: apart from initial weights (0 and 1), the order of the data (2) and dropout (3).
const purpose = 4u;

// use: grid
// use: philox
// use: ieee754
// use: trigonometry

/// In [0, 1), of 24 bits.
fn uniform_of(word: u32) -> f32 {
  return f32(word >> 8u) * 5.9604644775390625e-8;
}

/// Two normal numbers from two words.
fn normals_of(first: u32, second: u32) -> vec2f {
  let radius = sqrt(-2.0 * log(uniform_of(first) + 5.9604644775390625e-8));
  return radius * sine_and_cosine(6.283185307179586 * uniform_of(second));
}

@compute @workgroup_size(lanes)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let quads = (params.size + 3u) / 4u;
  let index = workgroup_index(group, groups) * lanes + lane;
  let shard = index / quads;
  if (shard >= params.shards) { return; }
  let quad = index % quads;
  let counter = vec4u(quad, random[3] + shard, random[2], 256u * params.layer + purpose + select(0u, 1u, normal));
  let words = philox(counter, vec2u(random[0], random[1]));
  let uniforms = vec4f(uniform_of(words.x), uniform_of(words.y), uniform_of(words.z), uniform_of(words.w));
  let normals = vec4f(normals_of(words.x, words.y), normals_of(words.z, words.w));
  let numbers = select(params.low + (params.high - params.low) * uniforms, params.low + params.high * normals, normal);
  let start = shard * params.size + 4u * quad;
  let count = min(4u, params.size - 4u * quad);
  for (var i = 0u; i < count; i++) { y[start + i] = numbers[i]; }
}
