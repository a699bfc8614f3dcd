// dv[j] = sum over query rows t >= j of p[t, j] dy[t], dk[j] = scale sum of ds[t, j] q[t]; p and ds as for the gradient of
// the queries, computed anew. A key head's sum runs over its query heads in order, then over their rows in order.
//
// One workgroup per `rows` keys of one key head; their k, v, dk and dv stay in registers, tiles of query rows go round
// (Dao 2023, FlashAttention-2).

@group(0) @binding(1) var<storage, read> qkv: array<f32>;         // (batches, tokens, (heads + 2 kv_heads) head_size)
@group(0) @binding(2) var<storage, read> dy: array<f32>;          // (batches, tokens, heads head_size)
@group(0) @binding(3) var<storage, read> saved: array<vec2f>;     // (batches, heads, tokens): lse and dy . y
@group(0) @binding(4) var<storage, read_write> dqkv: array<f32>;  // like qkv: its keys and values

// use: grid
// use: ieee754
// use: attention_layout
// use: attention_tiles

fn first_element(place: Place, row: u32, column: u32) -> f32 {
  return qkv[query_at(place, row) + column];
}

fn second_element(place: Place, row: u32, column: u32) -> f32 {
  return dy[output_at(place, row) + column];
}

/// What was saved of a query row; past the last row, what makes it count for nothing.
fn saved_row(place: Place, row: u32) -> vec2f {
  return select(vec2f(3e38, 0.0), saved[saved_at(place, min(row, params.tokens - 1u))], row < params.tokens);
}

@compute @workgroup_size(rows * parts)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  var place = place_of(workgroup_index(group, groups), rows, params.kv_heads);
  if (place.batch >= params.batches) { return; }
  place.kv_head = place.head;
  let row = min(place.first + lane % rows, params.tokens - 1u);
  let from_column = lane / rows * columns;
  let count = lane_columns();

  var k: array<vec4f, 32>;
  var v: array<vec4f, 32>;
  for (var c = 0u; c < count; c++) {
    let column = from_column + c;
    if (column < head_size) {
      k[c / 4u][c % 4u] = params.scale * qkv[key_at(place, row) + column];
      v[c / 4u][c % 4u] = qkv[value_at(place, row) + column];
    }
  }

  var dk: array<vec4f, 32>;
  var dv: array<vec4f, 32>;
  let members = params.heads / params.kv_heads;
  for (var member = 0u; member < members; member++) {
    place.head = place.kv_head * members + member;
    for (var start = place.first; start < params.tokens; start += 4u) {
      let j = (start - place.first) % tile;
      if (j == 0u) { load_tiles(place, start, lane); }
      var mine = mat2x4f();
      for (var c = 0u; c < count; c += 4u) {
        mine[0] += k[c / 4u] * first_block(j, from_column + c);
        mine[1] += v[c / 4u] * second_block(j, from_column + c);
      }
      let dots = across_parts(mine, lane);
      let kept = transpose(mat4x2f(saved_row(place, start), saved_row(place, start + 1u), saved_row(place, start + 2u), saved_row(place, start + 3u)));
      let seen = vec4u(row) <= start + vec4u(0u, 1u, 2u, 3u);
      let p = select(vec4f(), exponential_of_four(dots[0] - kept[0]), seen);
      let ds = select(vec4f(), p * (dots[1] - kept[1]), seen);
      for (var c = 0u; c < count; c += 4u) {
        dk[c / 4u] += only(seen, first_block(j, from_column + c)) * ds;
        dv[c / 4u] += only(seen, second_block(j, from_column + c)) * p;
      }
    }
  }

  if (place.first + lane % rows >= params.tokens) { return; }
  for (var c = 0u; c < count; c++) {
    let column = from_column + c;
    if (column < head_size) {
      dqkv[key_at(place, row) + column] = params.scale * dk[c / 4u][c % 4u];
      dqkv[value_at(place, row) + column] = dv[c / 4u][c % 4u];
    }
  }
}
