// Each row belongs to a team of neighbouring lanes. A team of one walks its row alone: no workgroup memory and no
// barrier is left once `team` is known to be 1. The lanes of a larger team take every team-th column and add up what
// they found along a fixed tree. Both are powers of two.
override lanes: u32 = 32u;
override team: u32 = 1u;

var<workgroup> team_values: array<f32, lanes>;

/// The sum of the team's values, for all of its lanes.
fn team_sum(value: f32, lane: u32) -> f32 {
  if (team == 1u) { return value; }
  team_values[lane] = value;
  for (var stride = team / 2u; stride > 0u; stride /= 2u) {
    workgroupBarrier();
    if (lane % team < stride) { team_values[lane] += team_values[lane + stride]; }
  }
  return team_first(lane);
}

/// What the team's first lane holds; after this the workgroup memory may be written again.
fn team_first(lane: u32) -> f32 {
  workgroupBarrier();
  let first = team_values[lane - lane % team];
  workgroupBarrier();
  return first;
}
