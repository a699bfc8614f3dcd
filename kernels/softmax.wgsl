// y[r, c] = exp(x[r, c]) / the sum of exp(x[r, …]); NaN all over a row with a NaN, with +infinity, or of -infinity alone
//
// A team of lanes per row: the sum in one pass, y in a second.

struct Params {
  rows: u32,
  columns: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;        // (rows, columns)
@group(0) @binding(2) var<storage, read_write> y: array<f32>;  // (rows, columns)

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
  for (var c = first; c < columns; c += team) { seen = join(seen, Exponentials(x[start + c], 1.0)); }
  let largest = team_max(seen.largest, lane);
  let sum = team_sum(seen.sum * exp(seen.largest - largest), lane);
  let scale = nan_if(has_no_softmax(Exponentials(largest, sum)), 1.0 / sum);

  for (var c = first; c < columns; c += team) { y[start + c] = exp(x[start + c] - largest) * scale; }
}
