// What every attention kernel is told, and where the heads of packed tensors begin: a row of qkv holds a slot of head_size
// elements per head, first the query heads, then the key heads, then the value heads; a row of y holds its query heads.
struct Params {
  batches: u32,
  tokens: u32,
  heads: u32,
  kv_heads: u32,
  // The constants of the same names again: loops up to these are not unrolled, which would take long to compile.
  head_size: u32,
  columns: u32,
  scale: f32,
}

@group(0) @binding(0) var<uniform> params: Params;

override head_size: u32 = 32u;  // at most 128

/// Where a workgroup stands.
struct Place {
  batch: u32,
  head: u32,     // of the queries
  kv_head: u32,  // of the keys and values they look at
  first: u32,    // row
}

/// The place of a workgroup of `rows` rows, when each of `heads` heads has its own workgroups.
fn place_of(index: u32, rows: u32, heads: u32) -> Place {
  let blocks = (params.tokens + rows - 1u) / rows;
  let head = index / blocks % heads;
  return Place(index / blocks / heads, head, head * params.kv_heads / heads, index % blocks * rows);
}

fn packed_at(batch: u32, row: u32, slot: u32) -> u32 {
  return ((batch * params.tokens + row) * (params.heads + 2u * params.kv_heads) + slot) * head_size;
}

fn query_at(place: Place, row: u32) -> u32 {
  return packed_at(place.batch, row, place.head);
}

fn key_at(place: Place, row: u32) -> u32 {
  return packed_at(place.batch, row, params.heads + place.kv_head);
}

fn value_at(place: Place, row: u32) -> u32 {
  return packed_at(place.batch, row, params.heads + params.kv_heads + place.kv_head);
}

fn output_at(place: Place, row: u32) -> u32 {
  return ((place.batch * params.tokens + row) * params.heads + place.head) * head_size;
}

/// A row's place among saved numbers of one per query row.
fn saved_at(place: Place, row: u32) -> u32 {
  return (place.batch * params.heads + place.head) * params.tokens + row;
}

fn total_of(x: vec4f) -> f32 {
  return (x.x + x.y) + (x.z + x.w);
}

/// Whether a row has no softmax, from the bits of its scores' magnitudes, the largest score that is a number, and the sum of
/// exponentials beside it.
fn has_no_softmax(magnitudes: vec4u, most: f32, total: f32) -> bool {
  return any(magnitudes > vec4u(infinity_bits)) || is_unsound(most) || total == 0.0;
}
