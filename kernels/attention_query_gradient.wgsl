// dq[t] = scale sum over the keys j that t sees of cap' ds[t, j] k[j], where p = exp(score[t, j] - lse[t]) is computed anew, cap'
// is the slope of the cap, and ds = p (dy[t] . v[j] - dy[t] . y[t]). Leaves each row's log-sum-exp and dy . y for the gradient
// of keys and values.
//
// One workgroup per `rows` query rows of one head; their q, dy and dq stay in registers, tiles of keys and values go round
// (Dao 2023, FlashAttention-2).

@group(0) @binding(1) var<storage, read> q: array<f32>;              // (shards, batches, tokens, heads, head_size), as all in any layout
@group(0) @binding(2) var<storage, read> k: array<f32>;              // (shards, batches, keys, kv_heads, head_size)
@group(0) @binding(3) var<storage, read> v: array<f32>;              // like k
@group(0) @binding(4) var<storage, read> y_or_mask: array<u32>;      // bits of y, like q; with `masked` the mask, and dy . y is in `saved`
@group(0) @binding(5) var<storage, read> dy: array<f32>;             // like q
@group(0) @binding(6) var<storage, read> lse: array<f32>;            // (shards, batches, heads, tokens + padded)
@group(0) @binding(7) var<storage, read_write> dq: array<f32>;       // like q
@group(0) @binding(8) var<storage, read_write> saved: array<vec2f>;  // (shards, batches, heads, tokens + 1): lse and dy . y

// use: grid
// use: ieee754
// use: hyperbolic
// use: attention_layout
// use: capped_score
// use: attention_sight
// use: attention_tiles

fn first_element(at: u32) -> f32 {
  return k[at];
}

fn second_element(at: u32) -> f32 {
  return v[at];
}

@compute @workgroup_size(rows * parts)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let place = place_of(workgroup_index(group, groups), rows, params.tokens, params.heads, params.batches);
  if (place.shard >= params.shards) { return; }
  let last = min(place.first + rows, params.tokens) - 1u;
  let row = min(place.first + lane % rows, last);
  let from_column = lane / rows * columns;
  let count = lane_columns();
  let saved_lse = lse_base(place);
  var length = 0u;
  if (padded > 0u) { length = u32(lse[saved_lse + params.tokens]); }
  let sight = keys_seen_by(row, length);
  let reach = keys_seen_by_rows(place.first, last, length);
  let mask_at = mask_base(place) + row * params.mask_row;
  let final_key = params.keys - 1u;
  let cap = params.cap;

  var query: array<vec4f, 32>;
  var slopes: array<vec4f, 32>;  // of the row's outputs
  let query_at = query_base(place) + row * params.q_row;
  let output_at = output_base(place) + row * params.y_row;
  for (var c = 0u; c < count; c++) {
    let column = from_column + c;
    if (column < head_size) {
      query[c / 4u][c % 4u] = params.scale * q[query_at + column];
      slopes[c / 4u][c % 4u] = dy[output_at + column];
    }
  }
  var delta = 0.0;
  if (masked > 0u) { delta = saved[saved_base(place) + row].y; }
  else { for (var c = 0u; c < params.head_size; c++) { delta += dy[output_at + c] * bitcast<f32>(y_or_mask[output_at + c]); } }
  let log_sum = lse[saved_lse + row];

  let matrices = Matrices(key_base(place), params.k_row, value_base(place), params.v_row, params.keys);
  var sum: array<vec4f, 32>;
  for (var start = reach.x; start < reach.y; start += 4u) {
    let j = (start - reach.x) % tile;
    if (j == 0u) { load_tiles(matrices, start, lane); }
    var mine = mat2x4f();
    for (var c = 0u; c < count; c += 4u) {
      mine[0] += query[c / 4u] * first_block(j, from_column + c);
      mine[1] += slopes[c / 4u] * second_block(j, from_column + c);
    }
    let dots = across_parts(mine, lane);
    let keys = start + vec4u(0u, 1u, 2u, 3u);
    var seen = are_within(keys, sight);
    let bare = four_capped(dots[0], cap);
    var scores = bare;
    if (masked > 0u) {
      let at = mask_at + min(keys, vec4u(final_key));
      let words = vec4u(y_or_mask[at.x], y_or_mask[at.y], y_or_mask[at.z], y_or_mask[at.w]);
      seen = seen & shown(words);
      scores += added(words);
    }
    let ds = select(vec4f(), exponential_of_four(scores - log_sum) * (dots[1] - delta) * slope_of_cap(bare, cap), seen);
    for (var c = 0u; c < count; c += 4u) { sum[c / 4u] += only(seen, first_block(j, from_column + c)) * ds; }
  }

  if (masked == 0u && padded > 0u && place.first == 0u && lane == 0u) { saved[saved_base(place) + params.tokens] = vec2f(f32(length), 0.0); }
  if (place.first + lane % rows > last) { return; }
  let gradient_at = query_gradient_base(place) + row * params.dq_row;
  for (var c = 0u; c < count; c++) {
    let column = from_column + c;
    if (column < head_size) { dq[gradient_at + column] = params.scale * sum[c / 4u][c % 4u]; }
  }
  if (masked == 0u && from_column == 0u) { saved[saved_base(place) + row] = vec2f(log_sum, delta); }
}
