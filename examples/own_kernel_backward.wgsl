// dx[i] = dy[i] · (2x + x|x|) / (1 + |x|)², the derivative of x² / (1 + |x|)
//
// One invocation per element.
struct Params { size: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;         // (size)
@group(0) @binding(2) var<storage, read> dy: array<f32>;        // (size)
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;  // (size)

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.size) { return; }
  let v = x[id.x];
  let below = 1.0 + abs(v);
  dx[id.x] = dy[id.x] * (2.0 * v + v * abs(v)) / (below * below);
}
