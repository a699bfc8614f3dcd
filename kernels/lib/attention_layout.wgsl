// What every attention kernel is told, and where its operands' elements are. Queries, keys, values and their gradients lie
// anywhere: of each there is a place to begin, and a step from shard to shard, batch to batch, head to head and row to row;
// the columns of a row follow one another.
struct Params {
  shards: u32,
  batches: u32,  // of a shard
  heads: u32,    // of queries
  kv_heads: u32,
  tokens: u32,   // rows of queries
  keys: u32,     // rows of keys and values
  // The constants of the same names again: loops up to these are not unrolled, which would take long to compile.
  head_size: u32,
  columns: u32,
  scale: f32,
  cap: f32,
  start: i32,    // where the first query stands among the keys
  window: i32,
  q_first: u32, q_shard: u32, q_batch: u32, q_head: u32, q_row: u32,
  k_first: u32, k_shard: u32, k_batch: u32, k_head: u32, k_row: u32,
  v_first: u32, v_shard: u32, v_batch: u32, v_head: u32, v_row: u32,
  y_first: u32, y_shard: u32, y_batch: u32, y_head: u32, y_row: u32,  // of y and dy
  lse_first: u32, lse_shard: u32, lse_batch: u32, lse_head: u32,      // rows follow one another
  mask_batches: u32, mask_heads: u32,  // 1 where an element serves all, else as many as above
  mask_first: u32, mask_shard: u32, mask_batch: u32, mask_head: u32, mask_row: u32,
  lengths_first: u32, lengths_shard: u32, lengths_batch: u32,
  dq_first: u32, dq_shard: u32, dq_batch: u32, dq_head: u32, dq_row: u32,
  dk_first: u32, dk_shard: u32, dk_batch: u32, dk_head: u32, dk_row: u32,
  dv_first: u32, dv_shard: u32, dv_batch: u32, dv_head: u32, dv_row: u32,
}

@group(0) @binding(0) var<uniform> params: Params;

override head_size: u32 = 32u;  // at most 256 in tiles, 128 otherwise

/// Where a workgroup stands.
struct Place {
  shard: u32,
  batch: u32,
  head: u32,     // of the queries
  kv_head: u32,  // of the keys and values they look at
  first: u32,    // row
}

/// The place of a workgroup of `rows` of `all` rows, when each of `heads` heads of a batch has its own workgroups.
fn place_of(index: u32, rows: u32, all: u32, heads: u32, batches: u32) -> Place {
  let blocks = (all + rows - 1u) / rows;
  let head = index / blocks % heads;
  let batch = index / blocks / heads;
  return Place(batch / batches, batch % batches, head, head / max(heads / params.kv_heads, 1u), index % blocks * rows);
}

fn query_base(place: Place) -> u32 {
  return params.q_first + place.shard * params.q_shard + place.batch * params.q_batch + place.head * params.q_head;
}

fn key_base(place: Place) -> u32 {
  return params.k_first + place.shard * params.k_shard + place.batch * params.k_batch + place.kv_head * params.k_head;
}

fn value_base(place: Place) -> u32 {
  return params.v_first + place.shard * params.v_shard + place.batch * params.v_batch + place.kv_head * params.v_head;
}

fn output_base(place: Place) -> u32 {
  return params.y_first + place.shard * params.y_shard + place.batch * params.y_batch + place.head * params.y_head;
}

/// Where the log-sum-exps of a head's rows begin; after them, with `padded`, is the length of its batch.
fn lse_base(place: Place) -> u32 {
  return params.lse_first + place.shard * params.lse_shard + place.batch * params.lse_batch + place.head * params.lse_head;
}

/// The same among pairs of numbers, which have no gaps.
fn saved_base(place: Place) -> u32 {
  return ((place.shard * params.batches + place.batch) * params.heads + place.head) * (params.tokens + 1u);
}

fn mask_base(place: Place) -> u32 {
  return params.mask_first + place.shard * params.mask_shard + place.batch * params.mask_batch + place.head * params.mask_head;
}

fn query_gradient_base(place: Place) -> u32 {
  return params.dq_first + place.shard * params.dq_shard + place.batch * params.dq_batch + place.head * params.dq_head;
}

fn key_gradient_base(place: Place) -> u32 {
  return params.dk_first + place.shard * params.dk_shard + place.batch * params.dk_batch + place.kv_head * params.dk_head;
}

fn value_gradient_base(place: Place) -> u32 {
  return params.dv_first + place.shard * params.dv_shard + place.batch * params.dv_batch + place.kv_head * params.dv_head;
}

fn total_of(x: vec4f) -> f32 {
  return (x.x + x.y) + (x.z + x.w);
}

/// Whether a row that sees something has no softmax, from the bits of its scores' magnitudes, the largest score that is a
/// number, and the sum of exponentials beside it.
fn has_no_softmax(magnitudes: vec4u, most: f32, total: f32) -> bool {
  return any(magnitudes > vec4u(infinity_bits)) || is_unsound(most) || total == 0.0;
}
