// y[r, c] = x[r, c] * rstd[r] * weight[c], rstd[r] = 1 / sqrt(the mean of x[r, …]² + epsilon)
//
// A team of lanes per row.

struct Params {
  rows: u32,
  columns: u32,
  epsilon: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;           // (rows, columns)
@group(0) @binding(2) var<storage, read> weight: array<f32>;      // (columns)
@group(0) @binding(3) var<storage, read_write> y: array<f32>;     // (rows, columns)
@group(0) @binding(4) var<storage, read_write> rstd: array<f32>;  // (rows)

override affine: bool = true; // without, every weight is 1, whatever is bound

// use: grid
// use: team

fn weight_of(c: u32) -> f32 {
  if (affine) { return weight[c]; }
  return 1.0;
}

// Ops that follow in the same kernel are written into this function.
fn store_element(to: u32, value: f32) { y[to] = value; }

// Where a row of x begins; where its rows lie apart, another text stands here.
fn start_of_x(row: u32) -> u32 { return row * params.columns; }

@compute @workgroup_size(lanes)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = (workgroup_index(group, groups) * lanes + lane) / team;
  let columns = select(0u, params.columns, row < params.rows);
  let start = row * columns;
  let x_start = start_of_x(row);
  let first = lane % team;

  var squares = 0.0;
  for (var c = first; c < columns; c += team) { squares += x[x_start + c] * x[x_start + c]; }
  let scale = 1.0 / sqrt(team_sum(squares, lane) / f32(params.columns) + params.epsilon);

  for (var c = first; c < columns; c += team) { store_element(start + c, x[x_start + c] * scale * weight_of(c)); }
  if (first == 0u && columns > 0u) { rstd[row] = scale; }
}
