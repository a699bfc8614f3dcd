// dx[r, c] = rstd[r] * (g[c] - mean(g) - n[c] * mean(g * n))
// n[c] = (x[r, c] - mean[r]) * rstd[r], the normalised row; g[c] = dy[r, c] * weight[c], its gradient
//
// A team of lanes per row: both means in one pass, dx in a second.

struct Params {
  rows: u32,
  columns: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;         // (rows, columns)
@group(0) @binding(2) var<storage, read> weight: array<f32>;    // (columns)
@group(0) @binding(3) var<storage, read> mean: array<f32>;      // (rows)
@group(0) @binding(4) var<storage, read> rstd: array<f32>;      // (rows)
@group(0) @binding(5) var<storage, read> dy: array<f32>;        // (rows, columns)
@group(0) @binding(6) var<storage, read_write> dx: array<f32>;  // (rows, columns)

override affine: bool = true; // without, every weight is 1, whatever is bound

// use: grid
// use: team

fn weight_of(c: u32) -> f32 {
  if (affine) { return weight[c]; }
  return 1.0;
}

// Ops that follow in the same kernel are written into this function.
fn store_element(to: u32, value: f32) { dx[to] = value; }

@compute @workgroup_size(lanes)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = (workgroup_index(group, groups) * lanes + lane) / team;
  let columns = select(0u, params.columns, row < params.rows);
  let start = row * columns;
  let first = lane % team;
  let center = mean[row];
  let scale = rstd[row];

  var sum = 0.0;
  var along = 0.0;
  for (var c = first; c < columns; c += team) {
    let g = dy[start + c] * weight_of(c);
    sum += g;
    along += g * ((x[start + c] - center) * scale);
  }
  let g_mean = team_sum(sum, lane) / f32(params.columns);
  let along_mean = team_sum(along, lane) / f32(params.columns);

  for (var c = first; c < columns; c += team) {
    let n = (x[start + c] - center) * scale;
    store_element(start + c, scale * (dy[start + c] * weight_of(c) - g_mean - n * along_mean));
  }
}
