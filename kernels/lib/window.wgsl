// Windows that go over images.
struct Params {
  size: u32,  // elements that are written
  height: u32, width: u32,
  out_height: u32, out_width: u32,
  window_height: u32, window_width: u32,
  stride_height: u32, stride_width: u32,
  before_height: u32, before_width: u32,  // padding
}

@group(0) @binding(0) var<uniform> params: Params;

override average: bool = false;

/// A place in rows of planes.
struct Place {
  plane: u32,
  row: u32,
  column: u32,
}

fn place_in(item: u32, height: u32, width: u32) -> Place {
  return Place(item / (height * width), item / width % height, item % width);
}
