// Turns each pair (x[c], x[c + half]) of every query and key head by the angle of its row's position, direction = 1 forward
// and -1 backward; the slots of values are copied:
//   y[c] = x[c] cos - direction x[c + half] sin,  y[c + half] = x[c + half] cos + direction x[c] sin
//
// One workgroup per row, each lane takes every lanes-th pair.

struct Params {
  rows: u32,
  slots: u32,    // heads + 2 kv_heads
  rotated: u32,  // heads + kv_heads
  context: u32,
  direction: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;          // (rows, slots, head_size)
@group(0) @binding(2) var<storage, read> positions: array<u32>;  // (rows)
@group(0) @binding(3) var<storage, read> table: array<f32>;      // (context, 2, half): cosines, sines
@group(0) @binding(4) var<storage, read_write> y: array<f32>;    // like x

override head_size: u32 = 32u;
override lanes: u32 = 32u;

// use: grid

@compute @workgroup_size(lanes)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = workgroup_index(group, groups);
  if (row >= params.rows) { return; }
  let half = head_size / 2u;
  let angles = min(positions[row], params.context - 1u) * head_size;
  for (var pair = lane; pair < params.slots * half; pair += lanes) {
    let slot = pair / half;
    let c = pair % half;
    let at = (row * params.slots + slot) * head_size + c;
    let turned = slot < params.rotated;
    let cosine = table[angles + c];
    let sine = params.direction * table[angles + half + c];
    y[at] = select(x[at], x[at] * cosine - x[at + half] * sine, turned);
    y[at + half] = select(x[at + half], x[at + half] * cosine + x[at] * sine, turned);
  }
}
