// y[t] = sum over the keys j that t sees of softmax(cap(scale q[t] . k[j]) + mask[t, j]) v[j], zeros where it sees none; and the
// log-sum-exp of each row's scores.
//
// One workgroup per `rows` query rows of one head; their queries and sums stay in registers, tiles of keys and values go
// round. The softmax is online (Dao 2023, FlashAttention-2), rescaled once per block of keys.

@group(0) @binding(1) var<storage, read> q: array<f32>;          // (shards, batches, tokens, heads, head_size), as all in any layout
@group(0) @binding(2) var<storage, read> k: array<f32>;          // (shards, batches, keys, kv_heads, head_size)
@group(0) @binding(3) var<storage, read> v: array<f32>;          // like k
@group(0) @binding(4) var<storage, read> mask: array<u32>;       // (shards, batches, heads, tokens, keys); words, or bits of f32
@group(0) @binding(5) var<storage, read> lengths: array<u32>;    // (shards, batches)
@group(0) @binding(6) var<storage, read_write> y: array<f32>;    // like q
@group(0) @binding(7) var<storage, read_write> lse: array<f32>;  // (shards, batches, heads, tokens + padded)

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

fn length_of(place: Place) -> u32 {
  if (padded == 0u) { return 0u; }
  return min(lengths[params.lengths_first + place.shard * params.lengths_shard + place.batch * params.lengths_batch], params.keys);
}

@compute @workgroup_size(rows * parts)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let place = place_of(workgroup_index(group, groups), rows, params.tokens, params.heads, params.batches);
  if (place.shard >= params.shards) { return; }
  let last = min(place.first + rows, params.tokens) - 1u;
  let row = min(place.first + lane % rows, last);
  let from_column = lane / rows * columns;
  let count = lane_columns();
  let length = length_of(place);
  let sight = keys_seen_by(row, length);
  let reach = keys_seen_by_rows(place.first, last, length);
  let mask_at = mask_base(place) + row * params.mask_row;
  let final_key = params.keys - 1u;
  let cap = params.cap;

  var query: array<vec4f, 32>;
  let query_at = query_base(place) + row * params.q_row;
  for (var c = 0u; c < count; c++) {
    let column = from_column + c;
    if (column < head_size) { query[c / 4u][c % 4u] = params.scale * q[query_at + column]; }
  }

  let matrices = Matrices(key_base(place), params.k_row, value_base(place), params.v_row, params.keys);
  var sum: array<vec4f, 32>;
  var total = 0.0;
  var most = -1e30;
  var magnitudes = vec4u();  // of scores
  var sees = masked == 0u && sight.x < sight.y;
  for (var start = reach.x; start < reach.y; start += 4u) {
    let j = (start - reach.x) % tile;
    if (j == 0u) { load_tiles(matrices, start, lane); }
    var dots = vec4f();
    for (var c = 0u; c < count; c += 4u) { dots += query[c / 4u] * first_block(j, from_column + c); }
    let keys = start + vec4u(0u, 1u, 2u, 3u);
    var seen = are_within(keys, sight);
    var scores = four_capped(across_parts(mat2x4f(dots, vec4f()), lane)[0], cap);
    if (masked > 0u) {
      let at = mask_at + min(keys, vec4u(final_key));
      let words = vec4u(mask[at.x], mask[at.y], mask[at.z], mask[at.w]);
      seen = seen & shown(words);
      scores += added(words);
      sees = sees || any(seen);
    }
    scores = select(vec4f(-1e30), scores, seen);
    let next = max(most, max(max(scores.x, scores.y), max(scores.z, scores.w)));
    let shrink = exp(most - next);
    let p = select(vec4f(), exp(scores - next), seen);
    most = next;
    magnitudes = max(magnitudes, magnitude_bits_of_four(scores));
    total = total * shrink + total_of(p);
    for (var c = 0u; c < count; c += 4u) { sum[c / 4u] = sum[c / 4u] * shrink + only(seen, second_block(j, from_column + c)) * p; }
  }

  if (padded > 0u && place.first == 0u && lane == 0u) { lse[lse_base(place) + params.tokens] = f32(length); }
  if (place.first + lane % rows > last) { return; }
  total = nan_if(sees && has_no_softmax(magnitudes, most, total), total);
  let output_at = output_base(place) + row * params.y_row;
  for (var c = 0u; c < count; c++) {
    let column = from_column + c;
    if (column < head_size) { y[output_at + column] = select(0.0, sum[c / 4u][c % 4u] / total, sees); }
  }
  if (from_column == 0u) { lse[lse_base(place) + row] = select(0.0, nan_if(is_nan(total), most + log(total)), sees); }
}
