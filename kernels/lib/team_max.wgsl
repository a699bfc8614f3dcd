/// The largest of the team's values, NaN where one of them is, for all of its lanes.
fn team_max(value: f32, lane: u32) -> f32 {
  if (team == 1u) { return value; }
  team_values[lane] = value;
  for (var stride = team / 2u; stride > 0u; stride /= 2u) {
    workgroupBarrier();
    if (lane % team < stride) { team_values[lane] = maximum(team_values[lane], team_values[lane + stride]); }
  }
  return team_first(lane);
}
