// y[t] = sum over the keys j that t sees of softmax(cap(scale q[t] . k[j]) + mask[t, j]) v[j], zeros where it sees none; and the
// log-sum-exp of each row's scores.
//
// One subgroup per 4 or 8 query rows of one head, a row per lane: its query and its sum stay with the lane, the keys and
// values go round. The softmax is online (Dao 2023, FlashAttention-2), rescaled once per block of keys.
enable subgroups;

@group(0) @binding(1) var<storage, read> q: array<f32>;          // (shards, batches, tokens, heads, head_size), as all in any layout
@group(0) @binding(2) var<storage, read> k: array<f32>;          // (shards, batches, keys, kv_heads, head_size)
@group(0) @binding(3) var<storage, read> v: array<f32>;          // like k
@group(0) @binding(4) var<storage, read> mask: array<u32>;       // (shards, batches, heads, tokens, keys); words, or bits of f32
@group(0) @binding(5) var<storage, read> lengths: array<u32>;    // (shards, batches)
@group(0) @binding(6) var<storage, read_write> y: array<f32>;    // like q
@group(0) @binding(7) var<storage, read_write> lse: array<f32>;  // (shards, batches, heads, tokens + padded)

const keys_per_block = 8u;
const hidden_score = -1e30;  // what no key that is seen has: such numbers of a mask hide

// use: grid
// use: ieee754
// use: hyperbolic
// use: attention_layout
// use: capped_score
// use: attention_sight
// use: attention_broadcasts

fn length_of(place: Place) -> u32 {
  if (padded == 0u) { return 0u; }
  return min(lengths[params.lengths_first + place.shard * params.lengths_shard + place.batch * params.lengths_batch], params.keys);
}

@compute @workgroup_size(rows)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let place = place_of(workgroup_index(group, groups), rows, params.tokens, params.heads, params.batches);
  if (place.shard >= params.shards) { return; }
  let last = min(place.first + rows, params.tokens) - 1u;
  let row = min(place.first + lane, last);
  let length = length_of(place);
  let sight = keys_seen_by(row, length);
  let reach = keys_seen_by_rows(place.first, last, length);
  let mask_at = mask_base(place) + row * params.mask_row;
  let cap = params.cap;
  let keys = key_base(place);
  let values = value_base(place);
  let k_row = params.k_row;
  let v_row = params.v_row;

  var query: array<vec4f, 32>;
  let query_at = query_base(place) + row * params.q_row;
  for (var c = 0u; c < params.head_size; c++) { query[c / 4u][c % 4u] = params.scale * q[query_at + c]; }

  var sum: array<vec4f, 32>;
  var total = 0.0;
  var most = -1e30;
  var magnitude = 0u;  // of scores
  var sees = masked == 0u && sight.x < sight.y;
  for (var start = reach.x; start < reach.y; start += keys_per_block) {
    let end = min(start + keys_per_block, reach.y);
    var scores: array<f32, keys_per_block>;
    var next = most;
    for (var j = start; j < end; j++) {
      let key = keys + j * k_row;
      for (var c = 0u; c < columns; c += rows) { first_loaded[c / rows] = k[key + min(c + lane, head_size - 1u)]; }
      var dots = vec4f();
      for (var c = 0u; c < columns; c += 4u) { dots += query[c / 4u] * first_four(c); }
      var score = capped_score(total_of(dots), cap);
      var seen = is_within(j, sight);
      if (masked > 0u) {
        let words = vec4u(mask[mask_at + j]);
        seen = seen && shown(words).x;
        sees = sees || seen;
        score += added(words).x;
      }
      scores[j - start] = select(hidden_score, score, seen);
      next = max(next, scores[j - start]);
      magnitude = max(magnitude, magnitude_bits(scores[j - start]));
    }
    let shrink = exp(most - next);
    most = next;
    total *= shrink;
    for (var c = 0u; c < columns; c += 4u) { sum[c / 4u] *= shrink; }
    for (var j = start; j < end; j++) {
      let value = values + j * v_row;
      for (var c = 0u; c < columns; c += rows) { second_loaded[c / rows] = v[value + min(c + lane, head_size - 1u)]; }
      let score = scores[j - start];
      let seen = is_within(j, sight) && (masked == 0u || bitcast<u32>(score) != bitcast<u32>(hidden_score));
      let p = select(0.0, exp(score - most), seen);
      total += p;
      for (var c = 0u; c < columns; c += 4u) { sum[c / 4u] += select(vec4f(), p * second_four(c), seen); }
    }
  }

  if (padded > 0u && place.first == 0u && lane == 0u) { lse[lse_base(place) + params.tokens] = f32(length); }
  if (place.first + lane > last) { return; }
  total = nan_if(sees && has_no_softmax(vec4u(magnitude), most, total), total);
  let output_at = output_base(place) + row * params.y_row;
  for (var c = 0u; c < params.head_size; c++) { y[output_at + c] = select(0.0, sum[c / 4u][c % 4u] / total, sees); }
  lse[lse_base(place) + row] = select(0.0, nan_if(is_nan(total), most + log(total)), sees);
}
