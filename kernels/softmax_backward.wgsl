// dx[r, c] = y[r, c] * (dy[r, c] - the sum of dy[r, …] * y[r, …])
//
// A team of lanes per row: the sum in one pass, dx in a second.

struct Params {
  rows: u32,
  columns: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> y: array<f32>;         // (rows, columns)
@group(0) @binding(2) var<storage, read> dy: array<f32>;        // (rows, columns)
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;  // (rows, columns)

// use: grid
// use: team

@compute @workgroup_size(lanes)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = (workgroup_index(group, groups) * lanes + lane) / team;
  let columns = select(0u, params.columns, row < params.rows);
  let start = row * columns;
  let first = lane % team;

  var part = 0.0;
  for (var c = first; c < columns; c += team) { part += dy[start + c] * y[start + c]; }
  let along = team_sum(part, lane);

  for (var c = first; c < columns; c += team) { dx[start + c] = y[start + c] * (dy[start + c] - along); }
}
