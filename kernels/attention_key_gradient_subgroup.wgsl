// dv[j] = sum over query rows t >= j of p[t, j] dy[t], dk[j] = scale sum of ds[t, j] q[t]; p and ds as for the gradient of
// the queries, computed anew. A key head's sum runs over its query heads in order, then over their rows in order.
//
// One subgroup per 4 or 8 keys of one key head, a key per lane: k, v, dk and dv stay with the lane, the query rows go round
// (Dao 2023, FlashAttention-2).
enable subgroups;

@group(0) @binding(1) var<storage, read> qkv: array<f32>;         // (batches, tokens, (heads + 2 kv_heads) head_size)
@group(0) @binding(2) var<storage, read> dy: array<f32>;          // (batches, tokens, heads head_size)
@group(0) @binding(3) var<storage, read> saved: array<vec2f>;     // (batches, heads, tokens): lse and dy . y
@group(0) @binding(4) var<storage, read_write> dqkv: array<f32>;  // like qkv: its keys and values

// use: grid
// use: ieee754
// use: attention_layout
// use: attention_broadcasts

@compute @workgroup_size(rows)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  var place = place_of(workgroup_index(group, groups), rows, params.kv_heads);
  if (place.batch >= params.batches) { return; }
  place.kv_head = place.head;
  let row = min(place.first + lane, params.tokens - 1u);

  var k: array<vec4f, 32>;
  var v: array<vec4f, 32>;
  for (var c = 0u; c < params.head_size; c++) {
    k[c / 4u][c % 4u] = params.scale * qkv[key_at(place, row) + c];
    v[c / 4u][c % 4u] = qkv[value_at(place, row) + c];
  }

  var dk: array<vec4f, 32>;
  var dv: array<vec4f, 32>;
  let members = params.heads / params.kv_heads;
  for (var member = 0u; member < members; member++) {
    place.head = place.kv_head * members + member;
    for (var t = place.first; t < params.tokens; t++) {
      let query = query_at(place, t);
      let out = output_at(place, t);
      for (var c = 0u; c < columns; c += rows) {
        let column = min(c + lane, head_size - 1u);
        first_loaded[c / rows] = qkv[query + column];
        second_loaded[c / rows] = dy[out + column];
      }
      var scores = vec4f();
      var dp = vec4f();
      for (var c = 0u; c < columns; c += 4u) {
        scores += k[c / 4u] * first_four(c);
        dp += v[c / 4u] * second_four(c);
      }
      let kept = saved[saved_at(place, t)];
      let p = exponential(total_of(scores) - kept.x);
      let ds = p * (total_of(dp) - kept.y);
      for (var c = 0u; c < columns; c += 4u) {
        dk[c / 4u] += select(vec4f(), ds * first_four(c), row <= t);
        dv[c / 4u] += select(vec4f(), p * second_four(c), row <= t);
      }
    }
  }

  if (place.first + lane >= params.tokens) { return; }
  for (var c = 0u; c < params.head_size; c++) {
    dqkv[key_at(place, row) + c] = params.scale * dk[c / 4u][c % 4u];
    dqkv[value_at(place, row) + c] = dv[c / 4u][c % 4u];
  }
}
