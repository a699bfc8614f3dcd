// dv[j] = sum over the query rows t that see j of p[t, j] dy[t], dk[j] = scale sum of cap' ds[t, j] q[t]; p, ds and cap' as for
// the gradient of the queries, computed anew. A key head's sum runs over its query heads in order, then over their rows in
// order. With `of_mask` instead the gradient of an additive mask: ds[t, j], summed in order over the batches, heads and rows
// for which one element of the mask serves.
//
// One workgroup per `rows` keys of one key head; their k, v, dk and dv stay in registers, tiles of query rows go round
// (Dao 2023, FlashAttention-2).

@group(0) @binding(1) var<storage, read> q: array<f32>;          // (shards, batches, tokens, heads, head_size), as all in any layout
@group(0) @binding(2) var<storage, read> k: array<f32>;          // (shards, batches, keys, kv_heads, head_size)
@group(0) @binding(3) var<storage, read> v: array<f32>;          // like k
@group(0) @binding(4) var<storage, read> mask: array<u32>;       // (shards, batches, heads, tokens, keys); words, or bits of f32
@group(0) @binding(5) var<storage, read> dy: array<f32>;         // like q
@group(0) @binding(6) var<storage, read> saved: array<vec2f>;    // (shards, batches, heads, tokens + 1): lse and dy . y
@group(0) @binding(7) var<storage, read_write> dk: array<f32>;   // like k; or the mask's gradient, laid out as the mask: zeros before
@group(0) @binding(8) var<storage, read_write> dv: array<f32>;   // like k; not written where `packed`

override packed: bool = false;  // whether dk and dv lie in one tensor, which is bound for dk
override of_mask: bool = false;

// use: grid
// use: ieee754
// use: hyperbolic
// use: attention_layout
// use: capped_score
// use: attention_sight
// use: attention_tiles

fn first_element(at: u32) -> f32 {
  return q[at];
}

fn second_element(at: u32) -> f32 {
  return dy[at];
}

/// How many heads of queries, of one batch or of all, are summed up.
fn members() -> u32 {
  if (!of_mask) { return params.heads / params.kv_heads; }
  return select(1u, params.batches, params.mask_batches == 1u) * select(1u, params.heads, params.mask_heads == 1u);
}

/// The place of one of them.
fn at_member(place: Place, member: u32) -> Place {
  let group = params.heads / params.kv_heads;
  if (!of_mask) { return Place(place.shard, place.batch, place.kv_head * group + member, place.kv_head, place.first); }
  let heads = select(1u, params.heads, params.mask_heads == 1u);
  let batch = select(place.batch, member / heads, params.mask_batches == 1u);
  let head = select(place.head, member % heads, params.mask_heads == 1u);
  return Place(place.shard, batch, head, head / group, place.first);
}

/// Where the gradient of a key begins, or of its element of the mask's first row.
fn gradient_at(place: Place, key: u32) -> u32 {
  if (!of_mask) { return key_gradient_base(place) + key * params.dk_row; }
  return params.dk_first + place.shard * params.dk_shard + place.batch * params.dk_batch + place.head * params.dk_head + key;
}

/// What was saved of four query rows, one after the other.
fn four_saved(at: u32, row: u32, final_row: u32) -> mat2x4f {
  return transpose(mat4x2f(saved[at + min(row, final_row)], saved[at + min(row + 1u, final_row)], saved[at + min(row + 2u, final_row)], saved[at + min(row + 3u, final_row)]));
}

@compute @workgroup_size(rows * parts)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let heads = select(params.kv_heads, params.mask_heads, of_mask);
  let batches = select(params.batches, params.mask_batches, of_mask);
  let place = place_of(workgroup_index(group, groups), rows, params.keys, heads, batches);
  if (place.shard >= params.shards) { return; }
  let last = min(place.first + rows, params.keys) - 1u;
  let row = min(place.first + lane % rows, last);
  let is_mine = place.first + lane % rows <= last;
  let from_column = lane / rows * columns;
  let count = lane_columns();
  let final_row = params.tokens - 1u;
  let mask_row = params.mask_row;
  let cap = params.cap;

  var key: array<vec4f, 32>;
  var value: array<vec4f, 32>;
  var key_sum: array<vec4f, 32>;
  var value_sum: array<vec4f, 32>;
  var mask_sum = 0.0;
  let to = gradient_at(place, row);
  let count_of_members = members();
  for (var member = 0u; member < count_of_members; member++) {
    let there = at_member(place, member);
    if (member == 0u || of_mask) {
      let key_at = key_base(there) + row * params.k_row;
      let value_at = value_base(there) + row * params.v_row;
      for (var c = 0u; c < count; c++) {
        let column = from_column + c;
        if (column < head_size) {
          key[c / 4u][c % 4u] = params.scale * k[key_at + column];
          value[c / 4u][c % 4u] = v[value_at + column];
        }
      }
    }
    let saved_at = saved_base(there);
    var length = 0u;
    if (padded > 0u) { length = u32(saved[saved_at + params.tokens].x); }
    let sight = queries_that_see(row, length);
    let reach = queries_that_see_keys(place.first, last, length);
    let mask_at = mask_base(there) + row;
    let matrices = Matrices(query_base(there), params.q_row, output_base(there), params.y_row, params.tokens);
    for (var start = reach.x; start < reach.y; start += 4u) {
      let j = (start - reach.x) % tile;
      if (j == 0u) { load_tiles(matrices, start, lane); }
      var mine = mat2x4f();
      for (var c = 0u; c < count; c += 4u) {
        mine[0] += key[c / 4u] * first_block(j, from_column + c);
        mine[1] += value[c / 4u] * second_block(j, from_column + c);
      }
      let dots = across_parts(mine, lane);
      let kept = four_saved(saved_at, start, final_row);
      let queries = start + vec4u(0u, 1u, 2u, 3u);
      var seen = are_within(queries, sight);
      let bare = four_capped(dots[0], cap);
      var scores = bare;
      if (masked > 0u) {
        let at = mask_at + min(queries, vec4u(final_row)) * mask_row;
        let words = vec4u(mask[at.x], mask[at.y], mask[at.z], mask[at.w]);
        seen = seen & shown(words);
        scores += added(words);
      }
      let p = select(vec4f(), exponential_of_four(scores - kept[0]), seen);
      let ds = select(vec4f(), p * (dots[1] - kept[1]), seen);
      if (of_mask) {
        if (params.dk_row == 0u) { mask_sum += total_of(ds); }
        else if (is_mine && from_column == 0u) { add_to_mask_gradient(to, start, ds); }
      } else {
        let sloped = select(vec4f(), ds * slope_of_cap(bare, cap), seen);
        for (var c = 0u; c < count; c += 4u) {
          key_sum[c / 4u] += only(seen, first_block(j, from_column + c)) * sloped;
          value_sum[c / 4u] += only(seen, second_block(j, from_column + c)) * p;
        }
      }
    }
  }

  if (!is_mine) { return; }
  if (of_mask) {
    if (params.dk_row == 0u && from_column == 0u) { dk[to] += mask_sum; }
    return;
  }
  let value_to = value_gradient_base(place) + row * params.dv_row;
  for (var c = 0u; c < count; c++) {
    let column = from_column + c;
    if (column < head_size) {
      dk[to + column] = params.scale * key_sum[c / 4u][c % 4u];
      if (packed) { dk[value_to + column] = value_sum[c / 4u][c % 4u]; }
      else { dv[value_to + column] = value_sum[c / 4u][c % 4u]; }
    }
  }
}

/// Adds to the elements of a key and four query rows, as far as there are such rows.
fn add_to_mask_gradient(at: u32, row: u32, ds: vec4f) {
  for (var i = 0u; i < min(4u, params.tokens - row); i++) { dk[at + (row + i) * params.dk_row] += ds[i]; }
}
