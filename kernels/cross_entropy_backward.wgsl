// logits[r, c] becomes its own gradient: (exp(logits[r, c] - lse[r]) - [c = targets[r]]) * dy[r], or 0 in rows
// whose target is not a column
//
// A team of lanes per row.

struct Params {
  rows: u32,
  columns: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> logits: array<f32>;  // (rows, columns)
@group(0) @binding(2) var<storage, read> targets: array<u32>;       // (rows)
@group(0) @binding(3) var<storage, read> lse: array<f32>;           // (rows)
@group(0) @binding(4) var<storage, read> dy: array<f32>;            // (rows)

// use: grid
// use: ieee754
// use: team

@compute @workgroup_size(lanes)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = (workgroup_index(group, groups) * lanes + lane) / team;
  let columns = select(0u, params.columns, row < params.rows);
  let start = row * columns;
  let target_column = targets[row];
  let log_sum = lse[row];
  let known = target_column < columns;
  let scale = nan_if(is_nan(log_sum), dy[row]);
  for (var c = lane % team; c < columns; c += team) {
    let probability = exp(logits[start + c] - log_sum);
    logits[start + c] = select(0.0, (probability - select(0.0, 1.0, c == target_column)) * scale, known);
  }
}
