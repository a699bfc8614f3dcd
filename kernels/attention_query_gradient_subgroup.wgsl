// dq[t] = scale sum over the keys j that t sees of cap' ds[t, j] k[j], where p = exp(score[t, j] - lse[t]) is computed anew, cap'
// is the slope of the cap, and ds = p (dy[t] . v[j] - dy[t] . y[t]). Leaves each row's log-sum-exp and dy . y for the gradient
// of keys and values.
//
// One subgroup per 4 or 8 query rows of one head, a row per lane: q, dy and dq stay with the lane, the keys and values go
// round (Dao 2023, FlashAttention-2).
enable subgroups;

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
// use: attention_broadcasts

@compute @workgroup_size(rows)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let place = place_of(workgroup_index(group, groups), rows, params.tokens, params.heads, params.batches);
  if (place.shard >= params.shards) { return; }
  let last = min(place.first + rows, params.tokens) - 1u;
  let row = min(place.first + lane, last);
  let saved_lse = lse_base(place);
  var length = 0u;
  if (padded > 0u) { length = u32(lse[saved_lse + params.tokens]); }
  let sight = keys_seen_by(row, length);
  let reach = keys_seen_by_rows(place.first, last, length);
  let mask_at = mask_base(place) + row * params.mask_row;
  let cap = params.cap;
  let keys = key_base(place);
  let values = value_base(place);
  let k_row = params.k_row;
  let v_row = params.v_row;

  var query: array<vec4f, 32>;
  var slopes: array<vec4f, 32>;  // of the row's outputs
  var delta = 0.0;
  if (masked > 0u) { delta = saved[saved_base(place) + row].y; }
  let query_at = query_base(place) + row * params.q_row;
  let output_at = output_base(place) + row * params.y_row;
  for (var c = 0u; c < params.head_size; c++) {
    let slope = dy[output_at + c];
    query[c / 4u][c % 4u] = params.scale * q[query_at + c];
    slopes[c / 4u][c % 4u] = slope;
    if (masked == 0u) { delta += slope * bitcast<f32>(y_or_mask[output_at + c]); }
  }
  let log_sum = lse[saved_lse + row];

  var sum: array<vec4f, 32>;
  for (var j = reach.x; j < reach.y; j++) {
    let key = keys + j * k_row;
    let value = values + j * v_row;
    for (var c = 0u; c < columns; c += rows) {
      let column = min(c + lane, head_size - 1u);
      first_loaded[c / rows] = k[key + column];
      second_loaded[c / rows] = v[value + column];
    }
    var dots = vec4f();
    var dp = vec4f();
    for (var c = 0u; c < columns; c += 4u) {
      dots += query[c / 4u] * first_four(c);
      dp += slopes[c / 4u] * second_four(c);
    }
    let bare = capped_score(total_of(dots), cap);
    var score = bare;
    var seen = is_within(j, sight);
    if (masked > 0u) {
      let words = vec4u(y_or_mask[mask_at + j]);
      seen = seen && shown(words).x;
      score += added(words).x;
    }
    let ds = exponential(score - log_sum) * (total_of(dp) - delta) * slope_of_cap(vec4f(bare), cap).x;
    for (var c = 0u; c < columns; c += 4u) { sum[c / 4u] += select(vec4f(), ds * first_four(c), seen); }
  }

  if (masked == 0u && padded > 0u && place.first == 0u && lane == 0u) { saved[saved_base(place) + params.tokens] = vec2f(f32(length), 0.0); }
  if (place.first + lane > last) { return; }
  let to = query_gradient_base(place) + row * params.dq_row;
  for (var c = 0u; c < params.head_size; c++) { dq[to + c] = params.scale * sum[c / 4u][c % 4u]; }
  if (masked == 0u) { saved[saved_base(place) + row] = vec2f(log_sum, delta); }
}
