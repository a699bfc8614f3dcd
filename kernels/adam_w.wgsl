// g = gradients[i] * min(1, clip_norm / (norm + 1e-6))
// mean[i] += blend1 * (g - mean[i]), square[i] += blend2 * (g² - square[i])
// weights[i] -= rate * ((mean[i] / correction1) / (√(square[i] / correction2) + epsilon) + weight_decay * decay * weights[i])
//
// Each invocation takes four elements at a time, of all parameters, which lie one after the other.

struct Params {
  size: u32,
  blend1: f32,  // 1 - beta1
  blend2: f32,  // 1 - beta2
  epsilon: f32,
  weight_decay: f32,
  clip_norm: f32,
  decay_start: u32,  // of the first weight's block of 64 elements
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> gradients: array<vec4f>;      // (size), four by four
@group(0) @binding(2) var<storage, read> decay: array<f32>;            // of each block of 64 elements, from decay_start on
@group(0) @binding(3) var<storage, read> norm: array<f32>;             // (1)
@group(0) @binding(4) var<storage, read> schedule: array<f32>;         // rate, correction1 = 1 - beta1^t, correction2 = 1 - beta2^t
@group(0) @binding(5) var<storage, read_write> weights: array<vec4f>;  // (size), four by four
@group(0) @binding(6) var<storage, read_write> mean: array<vec4f>;     // (size), four by four
@group(0) @binding(7) var<storage, read_write> square: array<vec4f>;   // (size), four by four
@group(0) @binding(8) var<storage, read_write> unsound: array<atomic<u32>>;  // (1): set where something written is NaN or infinite

// use: grid
// use: rounds
// use: ieee754
// use: clip

@compute @workgroup_size(lanes)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let scale = clip_scale(norm[0], params.clip_norm);
  let rate = schedule[0];
  let correction1 = schedule[1];
  let correction2 = schedule[2];
  let first = item_index(workgroup_index(group, groups), 0u, lane);
  for (var round = 0u; round < rounds; round++) {
    let i = first + round * lanes;
    if (4u * i >= params.size) { return; }
    let g = gradients[i] * scale;
    let m = mean[i] + params.blend1 * (g - mean[i]);
    let v = square[i] + params.blend2 * (g * g - square[i]);
    let update = (m / correction1) / (sqrt(v / correction2) + params.epsilon);
    let w = weights[i];
    let next = w - rate * (update + params.weight_decay * decay[params.decay_start + i / 16u] * w);
    weights[i] = next;
    mean[i] = m;
    square[i] = v;
    let most = max(magnitude_bits_of_four(next), max(magnitude_bits_of_four(m), magnitude_bits_of_four(v)));
    if (any(most >= vec4u(infinity_bits))) { atomicStore(&unsound[0], 1u); }
  }
}
