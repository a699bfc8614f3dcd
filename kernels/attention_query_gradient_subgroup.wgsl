// dq[t] = scale sum over keys j <= t of ds[t, j] k[j], where p = exp(scale q[t] . k[j] - lse[t]) is computed anew and
// ds = p (dy[t] . v[j] - dy[t] . y[t]). Leaves each row's log-sum-exp and dy . y for the gradient of keys and values.
//
// One subgroup per 4 or 8 query rows of one head, a row per lane: q, dy and dq stay with the lane, the keys and values go
// round (Dao 2023, FlashAttention-2).
enable subgroups;

@group(0) @binding(1) var<storage, read> qkv: array<f32>;            // (batches, tokens, (heads + 2 kv_heads) head_size)
@group(0) @binding(2) var<storage, read> y: array<f32>;              // (batches, tokens, heads head_size)
@group(0) @binding(3) var<storage, read> dy: array<f32>;             // like y
@group(0) @binding(4) var<storage, read> lse: array<f32>;            // (batches, heads, tokens)
@group(0) @binding(5) var<storage, read_write> dqkv: array<f32>;     // like qkv: its queries
@group(0) @binding(6) var<storage, read_write> saved: array<vec2f>;  // (batches, heads, tokens): lse and dy . y

// use: grid
// use: ieee754
// use: attention_layout
// use: attention_broadcasts

@compute @workgroup_size(rows)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let place = place_of(workgroup_index(group, groups), rows, params.heads);
  if (place.batch >= params.batches) { return; }
  let last = min(place.first + rows, params.tokens) - 1u;
  let row = min(place.first + lane, last);

  var q: array<vec4f, 32>;
  var g: array<vec4f, 32>;
  var delta = 0.0;
  for (var c = 0u; c < params.head_size; c++) {
    let slope = dy[output_at(place, row) + c];
    q[c / 4u][c % 4u] = params.scale * qkv[query_at(place, row) + c];
    g[c / 4u][c % 4u] = slope;
    delta += slope * y[output_at(place, row) + c];
  }
  let log_sum = lse[saved_at(place, row)];

  var dq: array<vec4f, 32>;
  for (var j = 0u; j <= last; j++) {
    let key = key_at(place, j);
    let value = value_at(place, j);
    for (var c = 0u; c < columns; c += rows) {
      let column = min(c + lane, head_size - 1u);
      first_loaded[c / rows] = qkv[key + column];
      second_loaded[c / rows] = qkv[value + column];
    }
    var scores = vec4f();
    var dp = vec4f();
    for (var c = 0u; c < columns; c += 4u) {
      scores += q[c / 4u] * first_four(c);
      dp += g[c / 4u] * second_four(c);
    }
    let ds = exponential(total_of(scores) - log_sum) * (total_of(dp) - delta);
    for (var c = 0u; c < columns; c += 4u) { dq[c / 4u] += select(vec4f(), ds * first_four(c), j <= row); }
  }

  if (place.first + lane > last) { return; }
  for (var c = 0u; c < params.head_size; c++) { dqkv[query_at(place, row) + c] = params.scale * dq[c / 4u][c % 4u]; }
  saved[saved_at(place, row)] = vec2f(log_sum, delta);
}
