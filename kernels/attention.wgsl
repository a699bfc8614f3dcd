// y[t] = sum over keys j <= t of softmax(scale q[t] . k[j]) v[j], and the log-sum-exp of each row's scaled scores.
//
// One workgroup per `rows` query rows of one head; their queries and sums stay in registers, tiles of keys and values go
// round. The softmax is online (Dao 2023, FlashAttention-2), rescaled once per block of keys. Rows mask the keys after them.

@group(0) @binding(1) var<storage, read> qkv: array<f32>;        // (batches, tokens, (heads + 2 kv_heads) head_size)
@group(0) @binding(2) var<storage, read_write> y: array<f32>;    // (batches, tokens, heads head_size)
@group(0) @binding(3) var<storage, read_write> lse: array<f32>;  // (batches, heads, tokens)

// use: grid
// use: ieee754
// use: attention_layout
// use: attention_tiles

fn first_element(place: Place, row: u32, column: u32) -> f32 {
  return qkv[key_at(place, row) + column];
}

fn second_element(place: Place, row: u32, column: u32) -> f32 {
  return qkv[value_at(place, row) + column];
}

@compute @workgroup_size(rows * parts)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let place = place_of(workgroup_index(group, groups), rows, params.heads);
  if (place.batch >= params.batches) { return; }
  let last = min(place.first + rows, params.tokens) - 1u;
  let row = min(place.first + lane % rows, last);
  let from_column = lane / rows * columns;
  let count = lane_columns();

  var q: array<vec4f, 32>;
  for (var c = 0u; c < count; c++) {
    let column = from_column + c;
    if (column < head_size) { q[c / 4u][c % 4u] = params.scale * qkv[query_at(place, row) + column]; }
  }

  var sum: array<vec4f, 32>;
  var total = 0.0;
  var most = -1e30;
  var magnitudes = vec4u();  // of scores
  for (var start = 0u; start <= last; start += 4u) {
    if (start % tile == 0u) { load_tiles(place, start, lane); }
    let j = start % tile;
    var dots = vec4f();
    for (var c = 0u; c < count; c += 4u) { dots += q[c / 4u] * first_block(j, from_column + c); }
    let seen = start + vec4u(0u, 1u, 2u, 3u) <= vec4u(row);
    let scores = select(vec4f(-1e30), across_parts(mat2x4f(dots, vec4f()), lane)[0], seen);
    let next = max(most, max(max(scores.x, scores.y), max(scores.z, scores.w)));
    let shrink = exp(most - next);
    let p = exp(scores - next);
    most = next;
    magnitudes = max(magnitudes, magnitude_bits_of_four(scores));
    total = total * shrink + total_of(p);
    for (var c = 0u; c < count; c += 4u) { sum[c / 4u] = sum[c / 4u] * shrink + only(seen, second_block(j, from_column + c)) * p; }
  }

  if (place.first + lane % rows > last) { return; }
  total = nan_if(has_no_softmax(magnitudes, most, total), total);
  for (var c = 0u; c < count; c++) {
    let column = from_column + c;
    if (column < head_size) { y[output_at(place, row) + column] = sum[c / 4u][c % 4u] / total; }
  }
  if (from_column == 0u) { lse[saved_at(place, row)] = nan_if(is_nan(total), most + log(total)); }
}
