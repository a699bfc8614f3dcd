// losses[r] = lse[r] - logits[r, targets[r]], or 0 where the target is not a column
// lse[r] = log(the sum of exp(logits[r, c])), NaN where the row has no softmax
//
// A team of lanes per row, in one pass. A lane joins its columns in blocks of 64, to keep the sums of long rows precise.

struct Params {
  rows: u32,
  columns: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> logits: array<f32>;        // (rows, columns)
@group(0) @binding(2) var<storage, read> targets: array<u32>;       // (rows)
@group(0) @binding(3) var<storage, read_write> losses: array<f32>;  // (rows)
@group(0) @binding(4) var<storage, read_write> lse: array<f32>;     // (rows)

// use: grid
// use: ieee754
// use: team
// use: team_max
// use: log_sum_exp

@compute @workgroup_size(lanes)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = (workgroup_index(group, groups) * lanes + lane) / team;
  let columns = select(0u, params.columns, row < params.rows);
  let start = row * columns;
  let first = lane % team;

  var seen = no_exponentials;
  for (var block = 0u; block < columns; block += 64u * team) {
    let end = min(columns, block + 64u * team);
    var part = no_exponentials;
    for (var c = block + first; c < end; c += team) { part = join(part, Exponentials(logits[start + c], 1.0)); }
    seen = join(seen, part);
  }
  let largest = team_max(seen.largest, lane);
  let sum = team_sum(seen.sum * exp(seen.largest - largest), lane);
  let log_sum = nan_if(has_no_softmax(Exponentials(largest, sum)), log(sum));

  if (first != 0u || columns == 0u) { return; }
  lse[row] = largest + log_sum;
  losses[row] = 0.0;
  if (targets[row] < columns) { losses[row] = log_sum + (largest - logits[start + targets[row]]); }
}
