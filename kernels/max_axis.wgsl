// y[o, i] = the largest of x[o, j, i], NaN where one of them is; at[o, i] = the first j that has it
//
// A team of lanes per output. Places are compared as f32, which is exact below 2²⁴.

struct Params {
  outer: u32,
  length: u32,  // of the axis
  inner: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;         // (outer, length, inner)
@group(0) @binding(2) var<storage, read_write> y: array<f32>;   // (outer, inner)
@group(0) @binding(3) var<storage, read_write> at: array<u32>;  // (outer, inner)

// use: grid
// use: ieee754
// use: team
// use: team_max

@compute @workgroup_size(lanes)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let index = (workgroup_index(group, groups) * lanes + lane) / team;
  let exists = index < params.outer * params.inner;
  let end = select(0u, params.length, exists);
  let origin = index / params.inner * params.length * params.inner + index % params.inner;

  // Lanes without an element of their own stand by the first.
  var largest = x[select(0u, origin, exists)];
  var place = 0u;
  for (var j = lane % team; j < end; j += team) {
    let value = x[origin + j * params.inner];
    if (!is_nan(largest) && (is_nan(value) || value > largest)) {
      largest = value;
      place = j;
    }
  }
  let winner = team_max(largest, lane);
  let has_it = select(largest == winner, is_nan(largest), is_nan(winner));
  let first = -team_max(select(-16777216.0, -f32(place), has_it), lane);
  if (exists && lane % team == 0u) {
    y[index] = winner;
    at[index] = u32(first);
  }
}
