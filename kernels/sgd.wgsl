// g = gradients[i] * min(1, clip_norm / (norm + 1e-6)) + weight_decay * decay * weights[i]
// velocity[i] = momentum * velocity[i] + g
// weights[i] -= rate * velocity[i]
//
// Each invocation takes four elements at a time, of all parameters, which lie one after the other.

struct Params {
  size: u32,
  momentum: f32,
  weight_decay: f32,
  clip_norm: f32,
  decay_start: u32,  // of the first weight's block of 64 elements
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> gradients: array<vec4f>;       // (size), four by four
@group(0) @binding(2) var<storage, read> decay: array<f32>;             // of each block of 64 elements, from decay_start on
@group(0) @binding(3) var<storage, read> norm: array<f32>;              // (1)
@group(0) @binding(4) var<storage, read> schedule: array<f32>;          // rate
@group(0) @binding(5) var<storage, read_write> weights: array<vec4f>;   // (size), four by four
@group(0) @binding(6) var<storage, read_write> velocity: array<vec4f>;  // (size), four by four
@group(0) @binding(7) var<storage, read_write> unsound: array<atomic<u32>>;  // (1): set where something written is NaN or infinite

// use: grid
// use: rounds
// use: ieee754
// use: clip

@compute @workgroup_size(lanes)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  for (var round = 0u; round < rounds; round++) {
    let i = item_index(workgroup_index(group, groups), round, lane);
    if (4u * i >= params.size) { return; }
    let w = weights[i];
    let g = gradients[i] * clip_scale(norm[0], params.clip_norm) + params.weight_decay * decay[params.decay_start + i / 16u] * w;
    let v = params.momentum * velocity[i] + g;
    let next = w - schedule[0] * v;
    velocity[i] = v;
    weights[i] = next;
    let most = max(magnitude_bits_of_four(next), magnitude_bits_of_four(v));
    if (any(most >= vec4u(infinity_bits))) { atomicStore(&unsound[0], 1u); }
  }
}
