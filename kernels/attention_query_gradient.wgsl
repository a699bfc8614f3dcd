// dq[t] = scale sum over keys j <= t of ds[t, j] k[j], where p = exp(scale q[t] . k[j] - lse[t]) is computed anew and
// ds = p (dy[t] . v[j] - dy[t] . y[t]). Leaves each row's log-sum-exp and dy . y for the gradient of keys and values.
//
// One workgroup per `rows` query rows of one head; their q, dy and dq stay in registers, tiles of keys and values go round
// (Dao 2023, FlashAttention-2).

@group(0) @binding(1) var<storage, read> qkv: array<f32>;            // (batches, tokens, (heads + 2 kv_heads) head_size)
@group(0) @binding(2) var<storage, read> y: array<f32>;              // (batches, tokens, heads head_size)
@group(0) @binding(3) var<storage, read> dy: array<f32>;             // like y
@group(0) @binding(4) var<storage, read> lse: array<f32>;            // (batches, heads, tokens)
@group(0) @binding(5) var<storage, read_write> dqkv: array<f32>;     // like qkv: its queries
@group(0) @binding(6) var<storage, read_write> saved: array<vec2f>;  // (batches, heads, tokens): lse and dy . y

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
  var g: array<vec4f, 32>;
  for (var c = 0u; c < count; c++) {
    let column = from_column + c;
    if (column < head_size) {
      q[c / 4u][c % 4u] = params.scale * qkv[query_at(place, row) + column];
      g[c / 4u][c % 4u] = dy[output_at(place, row) + column];
    }
  }
  var delta = 0.0;
  for (var c = 0u; c < params.head_size; c++) { delta += dy[output_at(place, row) + c] * y[output_at(place, row) + c]; }
  let log_sum = lse[saved_at(place, row)];

  var dq: array<vec4f, 32>;
  for (var start = 0u; start <= last; start += 4u) {
    if (start % tile == 0u) { load_tiles(place, start, lane); }
    let j = start % tile;
    var mine = mat2x4f();
    for (var c = 0u; c < count; c += 4u) {
      mine[0] += q[c / 4u] * first_block(j, from_column + c);
      mine[1] += g[c / 4u] * second_block(j, from_column + c);
    }
    let dots = across_parts(mine, lane);
    let seen = start + vec4u(0u, 1u, 2u, 3u) <= vec4u(row);
    let ds = select(vec4f(), exponential_of_four(dots[0] - log_sum) * (dots[1] - delta), seen);
    for (var c = 0u; c < count; c += 4u) { dq[c / 4u] += only(seen, first_block(j, from_column + c)) * ds; }
  }

  if (place.first + lane % rows > last) { return; }
  for (var c = 0u; c < count; c++) {
    let column = from_column + c;
    if (column < head_size) { dqkv[query_at(place, row) + column] = params.scale * dq[c / 4u][c % 4u]; }
  }
  if (from_column == 0u) { saved[saved_at(place, row)] = vec2f(log_sum, delta); }
}
