// y[t] = sum over keys j <= t of softmax(scale q[t] . k[j]) v[j], and the log-sum-exp of each row's scaled scores.
//
// One subgroup per 4 or 8 query rows of one head, a row per lane: its query and its sum stay with the lane, the keys and
// values go round. The softmax is online (Dao 2023, FlashAttention-2), rescaled once per block of keys. Lanes mask the
// keys after their own row.
enable subgroups;

@group(0) @binding(1) var<storage, read> qkv: array<f32>;        // (batches, tokens, (heads + 2 kv_heads) head_size)
@group(0) @binding(2) var<storage, read_write> y: array<f32>;    // (batches, tokens, heads head_size)
@group(0) @binding(3) var<storage, read_write> lse: array<f32>;  // (batches, heads, tokens)

const keys_per_block = 8u;

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
  for (var c = 0u; c < params.head_size; c++) { q[c / 4u][c % 4u] = params.scale * qkv[query_at(place, row) + c]; }

  var sum: array<vec4f, 32>;
  var total = 0.0;
  var most = -1e30;
  var magnitude = 0u;  // of scores
  for (var start = 0u; start <= last; start += keys_per_block) {
    let end = min(start + keys_per_block, last + 1u);
    var scores: array<f32, keys_per_block>;
    var next = most;
    for (var j = start; j < end; j++) {
      let key = key_at(place, j);
      for (var c = 0u; c < columns; c += rows) { first_loaded[c / rows] = qkv[key + min(c + lane, head_size - 1u)]; }
      var dots = vec4f();
      for (var c = 0u; c < columns; c += 4u) { dots += q[c / 4u] * first_four(c); }
      scores[j - start] = select(-1e30, total_of(dots), j <= row);
      next = max(next, scores[j - start]);
      magnitude = max(magnitude, magnitude_bits(scores[j - start]));
    }
    let shrink = exp(most - next);
    most = next;
    total *= shrink;
    for (var c = 0u; c < columns; c += 4u) { sum[c / 4u] *= shrink; }
    for (var j = start; j < end; j++) {
      let value = value_at(place, j);
      for (var c = 0u; c < columns; c += rows) { second_loaded[c / rows] = qkv[value + min(c + lane, head_size - 1u)]; }
      let p = exp(scores[j - start] - most);
      total += p;
      for (var c = 0u; c < columns; c += 4u) { sum[c / 4u] += select(vec4f(), p * second_four(c), j <= row); }
    }
  }

  if (place.first + lane > last) { return; }
  total = nan_if(has_no_softmax(vec4u(magnitude), most, total), total);
  for (var c = 0u; c < params.head_size; c++) { y[output_at(place, row) + c] = sum[c / 4u][c % 4u] / total; }
  lse[saved_at(place, row)] = nan_if(is_nan(total), most + log(total));
}
