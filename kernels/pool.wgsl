// y = the largest element of each window, and where in its plane that is; or the mean, in which padding counts as zeros

// use: window

@group(0) @binding(1) var<storage, read> x: array<f32>;             // (planes, height, width)
@group(0) @binding(2) var<storage, read_write> y: array<f32>;       // (planes, out_height, out_width)
@group(0) @binding(3) var<storage, read_write> places: array<u32>;  // like y

// use: grid
// use: rounds
// use: ieee754

@compute @workgroup_size(lanes)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  for (var round = 0u; round < rounds; round++) {
    let item = item_index(workgroup_index(group, groups), round, lane);
    if (item >= params.size) { return; }
    let to = place_in(item, params.out_height, params.out_width);
    var sum = 0.0;
    var most = 0.0;
    var at = 0xffffffffu;
    for (var i = 0u; i < params.window_height; i++) {
      let row = to.row * params.stride_height + i - params.before_height;
      for (var j = 0u; j < params.window_width; j++) {
        let column = to.column * params.stride_width + j - params.before_width;
        if (row >= params.height || column >= params.width) { continue; }
        let place = row * params.width + column;
        let value = x[to.plane * params.height * params.width + place];
        sum += value;
        if (at == 0xffffffffu || (!is_nan(most) && (is_nan(value) || value > most))) {
          most = value;
          at = place;
        }
      }
    }
    if (average) {
      y[item] = sum / f32(params.window_height * params.window_width);
    } else {
      y[item] = most;
      places[item] = at;
    }
  }
}
