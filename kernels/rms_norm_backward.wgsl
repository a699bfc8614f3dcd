// dx[r, c] = rstd[r] * (g[c] - n[c] * mean(g * n))
// n[c] = x[r, c] * rstd[r], the normalised row; g[c] = dy[r, c] * weight[c], its gradient
//
// A team of lanes per row: the mean in one pass, dx in a second.

struct Params {
  rows: u32,
  columns: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;         // (rows, columns)
@group(0) @binding(2) var<storage, read> weight: array<f32>;    // (columns)
@group(0) @binding(3) var<storage, read> rstd: array<f32>;      // (rows)
@group(0) @binding(4) var<storage, read> dy: array<f32>;        // (rows, columns)
@group(0) @binding(5) var<storage, read_write> dx: array<f32>;  // (rows, columns)

override affine: bool = true; // without, every weight is 1, whatever is bound

// use: grid
// use: team

fn weight_of(c: u32) -> f32 {
  if (affine) { return weight[c]; }
  return 1.0;
}

// Ops that follow in the same kernel are written into this function.
fn store_element(to: u32, value: f32) { dx[to] = value; }

// Where a row of x begins; where its rows lie apart, another text stands here.
fn start_of_x(row: u32) -> u32 { return row * params.columns; }

@compute @workgroup_size(lanes)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = (workgroup_index(group, groups) * lanes + lane) / team;
  let columns = select(0u, params.columns, row < params.rows);
  let start = row * columns;
  let x_start = start_of_x(row);
  let first = lane % team;
  let scale = rstd[row];

  var along = 0.0;
  for (var c = first; c < columns; c += team) { along += dy[start + c] * weight_of(c) * (x[x_start + c] * scale); }
  let along_mean = team_sum(along, lane) / f32(params.columns);

  for (var c = first; c < columns; c += team) {
    let n = x[x_start + c] * scale;
    store_element(start + c, scale * (dy[start + c] * weight_of(c) - n * along_mean));
  }
}
