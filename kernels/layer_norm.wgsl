// y[r, c] = (x[r, c] - mean[r]) * rstd[r] * weight[c] + bias[c]
// mean[r] = the mean of x[r, …], rstd[r] = 1 / sqrt(the mean of (x[r, …] - mean[r])² + epsilon)
//
// A team of lanes per row. The variance takes a pass of its own, from distances to the mean, so that nothing cancels.

struct Params {
  rows: u32,
  columns: u32,
  epsilon: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;           // (rows, columns)
@group(0) @binding(2) var<storage, read> weight: array<f32>;      // (columns)
@group(0) @binding(3) var<storage, read> bias: array<f32>;        // (columns)
@group(0) @binding(4) var<storage, read_write> y: array<f32>;     // (rows, columns)
@group(0) @binding(5) var<storage, read_write> mean: array<f32>;  // (rows)
@group(0) @binding(6) var<storage, read_write> rstd: array<f32>;  // (rows)

override affine: bool = true; // without, every weight is 1 and every bias 0, whatever is bound

// use: grid
// use: team

fn weight_of(c: u32) -> f32 {
  if (affine) { return weight[c]; }
  return 1.0;
}

fn bias_of(c: u32) -> f32 {
  if (affine) { return bias[c]; }
  return 0.0;
}

// Ops that follow in the same kernel are written into this function.
fn store_element(to: u32, value: f32) { y[to] = value; }

@compute @workgroup_size(lanes)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = (workgroup_index(group, groups) * lanes + lane) / team;
  let columns = select(0u, params.columns, row < params.rows);
  let start = row * columns;
  let first = lane % team;

  var sum = 0.0;
  for (var c = first; c < columns; c += team) { sum += x[start + c]; }
  let center = team_sum(sum, lane) / f32(params.columns);

  var squares = 0.0;
  for (var c = first; c < columns; c += team) {
    let distance = x[start + c] - center;
    squares += distance * distance;
  }
  let scale = 1.0 / sqrt(team_sum(squares, lane) / f32(params.columns) + params.epsilon);

  for (var c = first; c < columns; c += team) { store_element(start + c, (x[start + c] - center) * scale * weight_of(c) + bias_of(c)); }
  if (first == 0u && columns > 0u) {
    mean[row] = center;
    rstd[row] = scale;
  }
}
