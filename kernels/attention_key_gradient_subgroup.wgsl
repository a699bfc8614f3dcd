// dv[j] = sum over the query rows t that see j of p[t, j] dy[t], dk[j] = scale sum of cap' ds[t, j] q[t]; p, ds and cap' as for
// the gradient of the queries, computed anew. A key head's sum runs over its query heads in order, then over their rows in
// order.
//
// One subgroup per 4 or 8 keys of one key head, a key per lane: k, v, dk and dv stay with the lane, the query rows go round
// (Dao 2023, FlashAttention-2).
enable subgroups;

@group(0) @binding(1) var<storage, read> q: array<f32>;          // (shards, batches, tokens, heads, head_size), as all in any layout
@group(0) @binding(2) var<storage, read> k: array<f32>;          // (shards, batches, keys, kv_heads, head_size)
@group(0) @binding(3) var<storage, read> v: array<f32>;          // like k
@group(0) @binding(4) var<storage, read> mask: array<u32>;       // (shards, batches, heads, tokens, keys); words, or bits of f32
@group(0) @binding(5) var<storage, read> dy: array<f32>;         // like q
@group(0) @binding(6) var<storage, read> saved: array<vec2f>;    // (shards, batches, heads, tokens + 1): lse and dy . y
@group(0) @binding(7) var<storage, read_write> dk: array<f32>;   // like k
@group(0) @binding(8) var<storage, read_write> dv: array<f32>;   // like k; not written where `packed`

override packed: bool = false;  // whether dk and dv lie in one tensor, which is bound for dk

// use: grid
// use: ieee754
// use: hyperbolic
// use: attention_layout
// use: capped_score
// use: attention_sight
// use: attention_broadcasts

@compute @workgroup_size(rows)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  var place = place_of(workgroup_index(group, groups), rows, params.keys, params.kv_heads, params.batches);
  if (place.shard >= params.shards) { return; }
  let last = min(place.first + rows, params.keys) - 1u;
  let row = min(place.first + lane, last);
  let mask_row = params.mask_row;
  let cap = params.cap;
  let q_row = params.q_row;
  let y_row = params.y_row;

  var key: array<vec4f, 32>;
  var value: array<vec4f, 32>;
  let key_at = key_base(place) + row * params.k_row;
  let value_at = value_base(place) + row * params.v_row;
  for (var c = 0u; c < params.head_size; c++) {
    key[c / 4u][c % 4u] = params.scale * k[key_at + c];
    value[c / 4u][c % 4u] = v[value_at + c];
  }

  var key_sum: array<vec4f, 32>;
  var value_sum: array<vec4f, 32>;
  let members = params.heads / params.kv_heads;
  for (var member = 0u; member < members; member++) {
    place.head = place.kv_head * members + member;
    let queries = query_base(place);
    let outputs = output_base(place);
    let saved_at = saved_base(place);
    let mask_at = mask_base(place) + row;
    var length = 0u;
    if (padded > 0u) { length = u32(saved[saved_at + params.tokens].x); }
    let sight = queries_that_see(row, length);
    let reach = queries_that_see_keys(place.first, last, length);
    for (var t = reach.x; t < reach.y; t++) {
      let query = queries + t * q_row;
      let output = outputs + t * y_row;
      for (var c = 0u; c < columns; c += rows) {
        let column = min(c + lane, head_size - 1u);
        first_loaded[c / rows] = q[query + column];
        second_loaded[c / rows] = dy[output + column];
      }
      var dots = vec4f();
      var dp = vec4f();
      for (var c = 0u; c < columns; c += 4u) {
        dots += key[c / 4u] * first_four(c);
        dp += value[c / 4u] * second_four(c);
      }
      let kept = saved[saved_at + t];
      let bare = capped_score(total_of(dots), cap);
      var score = bare;
      var seen = is_within(t, sight);
      if (masked > 0u) {
        let words = vec4u(mask[mask_at + t * mask_row]);
        seen = seen && shown(words).x;
        score += added(words).x;
      }
      let p = exponential(score - kept.x);
      let ds = p * (total_of(dp) - kept.y) * slope_of_cap(vec4f(bare), cap).x;
      for (var c = 0u; c < columns; c += 4u) {
        key_sum[c / 4u] += select(vec4f(), ds * first_four(c), seen);
        value_sum[c / 4u] += select(vec4f(), p * second_four(c), seen);
      }
    }
  }

  if (place.first + lane > last) { return; }
  let key_to = key_gradient_base(place) + row * params.dk_row;
  let value_to = value_gradient_base(place) + row * params.dv_row;
  for (var c = 0u; c < params.head_size; c++) {
    dk[key_to + c] = params.scale * key_sum[c / 4u][c % 4u];
    if (packed) { dk[value_to + c] = value_sum[c / 4u][c % 4u]; }
    else { dv[value_to + c] = value_sum[c / 4u][c % 4u]; }
  }
}
