// Each query row's log-sum-exp and dy . y, side by side, for the gradients of attention with a mask; after a head's rows, with
// `padded`, the length of its batch.
//
// One invocation per row.

@group(0) @binding(1) var<storage, read> y: array<f32>;              // (shards, batches, tokens, heads, head_size)
@group(0) @binding(2) var<storage, read> dy: array<f32>;             // like y
@group(0) @binding(3) var<storage, read> lse: array<f32>;            // (shards, batches, heads, tokens + padded)
@group(0) @binding(4) var<storage, read_write> saved: array<vec2f>;  // (shards, batches, heads, tokens + 1): lse and dy . y

override lanes: u32 = 64u;
override padded: u32 = 0u;

// use: grid
// use: ieee754
// use: attention_layout

@compute @workgroup_size(lanes)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = workgroup_index(group, groups) * lanes + lane;
  let place = place_of(i, 1u, params.tokens + 1u, params.heads, params.batches);
  let row = place.first;
  if (place.shard >= params.shards || (row == params.tokens && padded == 0u)) { return; }
  var delta = 0.0;
  if (row < params.tokens) {
    let at = output_base(place) + row * params.y_row;
    for (var c = 0u; c < params.head_size; c++) { delta += dy[at + c] * y[at + c]; }
  }
  saved[i] = vec2f(lse[lse_base(place) + row], delta);
}
