// Turns each pair (x[c], x[c + half]) of every query and key head by the angle of its row's position, direction = 1 forward
// and -1 backward; the slots of values are copied:
//   y[c] = x[c] cos - direction x[c + half] sin,  y[c + half] = x[c + half] cos + direction x[c] sin
//
// One workgroup per row, each lane takes every lanes-th pair. Heads lie beside each other in a row, or each by itself, row after row.

struct Params {
  rows: u32,
  slots: u32,    // heads + 2 kv_heads
  rotated: u32,  // heads + kv_heads
  context: u32,  // rows of the table
  direction: f32,
  tokens: u32,   // rows of a sequence
  first: u32,    // the row before which others have been bound
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;          // (rows, slots, head_size), or (sequences, slots, tokens, head_size)
@group(0) @binding(2) var<storage, read> positions: array<u32>;  // (rows)
@group(0) @binding(3) var<storage, read> table: array<f32>;      // (context, 2, half): cosines, sines
@group(0) @binding(4) var<storage, read_write> y: array<f32>;    // like x

override head_size: u32 = 32u;
override lanes: u32 = 32u;
// 1 where the table has a row for each row of x, or of each shard of it, and positions are not read.
override by_row: u32 = 0u;
// 1 where each head of x, or of y, lies by itself.
override x_apart: u32 = 0u;
override y_apart: u32 = 0u;

// use: grid

fn first_of_head(row: u32, slot: u32, apart: u32) -> u32 {
  if (apart == 0u) { return (row * params.slots + slot) * head_size; }
  return ((row / params.tokens * params.slots + slot) * params.tokens + row % params.tokens) * head_size;
}

@compute @workgroup_size(lanes)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = workgroup_index(group, groups);
  if (row >= params.rows) { return; }
  let half = head_size / 2u;
  var place = (params.first + row) % params.context;
  if (by_row == 0u) { place = min(positions[row], params.context - 1u); }
  let angles = place * head_size;
  for (var pair = lane; pair < params.slots * half; pair += lanes) {
    let slot = pair / half;
    let c = pair % half;
    let at = first_of_head(row, slot, x_apart) + c;
    let to = first_of_head(row, slot, y_apart) + c;
    let turned = slot < params.rotated;
    let cosine = table[angles + c];
    let sine = params.direction * table[angles + half + c];
    y[to] = select(x[at], x[at] * cosine - x[at + half] * sine, turned);
    y[to + half] = select(x[at + half], x[at + half] * cosine + x[at] * sine, turned);
  }
}
