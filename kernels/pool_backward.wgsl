// dx = the sum of dy of all windows whose largest element this is; or of all windows that it is in, as its share of their means
//
// An element looks at its windows one after the other: no atomics.

// use: window

@group(0) @binding(1) var<storage, read> dy: array<f32>;        // (planes, out_height, out_width)
@group(0) @binding(2) var<storage, read> places: array<u32>;    // like dy
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;  // (planes, height, width)

// use: grid
// use: rounds

@compute @workgroup_size(lanes)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  for (var round = 0u; round < rounds; round++) {
    let item = item_index(workgroup_index(group, groups), round, lane);
    if (item >= params.size) { return; }
    let own = place_in(item, params.height, params.width);
    let place = own.row * params.width + own.column;
    let padded = vec2u(own.row + params.before_height, own.column + params.before_width);
    let last = min(padded / vec2u(params.stride_height, params.stride_width), vec2u(params.out_height, params.out_width) - 1u);
    var sum = 0.0;
    for (var row = first_window(padded.x, params.window_height, params.stride_height); row <= last.x; row++) {
      for (var column = first_window(padded.y, params.window_width, params.stride_width); column <= last.y; column++) {
        let window = (own.plane * params.out_height + row) * params.out_width + column;
        if (average || places[window] == place) { sum += dy[window]; }
      }
    }
    dx[item] = select(sum, sum / f32(params.window_height * params.window_width), average);
  }
}

/// The first of the windows that reach a place.
fn first_window(at: u32, length: u32, stride: u32) -> u32 {
  if (at < length) { return 0u; }
  return (at - length) / stride + 1u;
}
