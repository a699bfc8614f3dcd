// y[0] = √(the sum of x[i])
//
// One team of lanes.

struct Params {
  size: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;        // (size)
@group(0) @binding(2) var<storage, read_write> y: array<f32>;  // (1)

// use: team

@compute @workgroup_size(lanes)
fn main(@builtin(local_invocation_index) lane: u32) {
  let end = select(0u, params.size, lane < team);
  var part = 0.0;
  for (var i = lane; i < end; i += team) { part += x[i]; }
  let sum = team_sum(part, lane);
  if (lane == 0u) { y[0] = sqrt(sum); }
}
