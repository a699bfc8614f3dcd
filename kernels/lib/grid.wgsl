// The linear index of a workgroup in a grid that was folded into x and y because one dimension holds at most 65535.
fn workgroup_index(id: vec3u, count: vec3u) -> u32 {
  return id.x + id.y * count.x;
}
