// dgate[i] = dy[i] * up[i] * s * (1 + gate[i] * (1 - s)), dup[i] = dy[i] * gate[i] * s, s = 1 / (1 + exp(-gate[i]))
//
// Each invocation takes four elements at a time.

struct Params {
  size: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> gate: array<vec4f>;         // (size), four by four
@group(0) @binding(2) var<storage, read> up: array<vec4f>;           // (size), four by four
@group(0) @binding(3) var<storage, read> dy: array<vec4f>;           // (size), four by four
@group(0) @binding(4) var<storage, read_write> dgate: array<vec4f>;  // (size), four by four
@group(0) @binding(5) var<storage, read_write> dup: array<vec4f>;    // (size), four by four

// use: grid
// use: rounds
// use: sigmoid

@compute @workgroup_size(lanes)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  for (var round = 0u; round < rounds; round++) {
    let i = item_index(workgroup_index(group, groups), round, lane);
    if (4u * i >= params.size) { return; }
    let g = gate[i];
    let e = sigmoid_exponential(g);
    let s = sigmoid(e);
    let d = dy[i] * s;
    dup[i] = d * g;
    dgate[i] = d * up[i] * (1.0 + g * s * e);
  }
}
