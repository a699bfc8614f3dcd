// A tile of 16 rowsPerThread x 64 elements of C for 256 threads, 16 terms of the sum at a time. Thread (x, y) of the
// 16 x 16 holds rowsPerThread x 4 sums. The tiles of A and B stay in workgroup memory as they lie in their matrices, in
// lines of quads: vec4s along the stored row. A side whose quads run across k is turned in registers. Lines along k are
// padded by one quad, so that 8 threads which read 8 lines meet 8 different groups of banks.
// The kernel supplies load_a and load_b: the quad at `index`, zero from the element `limit` of its line on.
const k_step = 16u;
const tile_columns = 64u;
const line_of_k = k_step / 4u + 1u;

var<workgroup> a_tile: array<vec4f, 16u * rowsPerThread * line_of_k>;
var<workgroup> b_tile: array<vec4f, tile_columns * line_of_k>;

fn fetch_a(z: u32, row: u32, k: u32, thread: u32) {
  let rows = 16u * rowsPerThread;
  for (var i = thread; i < rows * k_step / 4u; i += 256u) {
    if (transposeA) {
      let line = i / (rows / 4u);
      let quad = i % (rows / 4u);
      let inside = select(0u, params.M, k + line < params.K);
      a_tile[i] = load_a(params.a0 + z * params.aBatch + (k + line) * params.aCol, row + 4u * quad, inside);
    } else {
      let line = i / 4u;
      let quad = i % 4u;
      let inside = select(0u, params.K, row + line < params.M);
      a_tile[line * line_of_k + quad] = load_a(params.a0 + z * params.aBatch + (row + line) * params.aRow, k + 4u * quad, inside);
    }
  }
}

fn fetch_b(z: u32, column: u32, k: u32, thread: u32) {
  if (transposeB) {
    let line = thread / 4u;
    let quad = thread % 4u;
    let inside = select(0u, params.K, column + line < params.N);
    b_tile[line * line_of_k + quad] = load_b(params.b0 + z * params.bBatch + (column + line) * params.bCol, k + 4u * quad, inside);
  } else {
    let line = thread / 16u;
    let quad = thread % 16u;
    let inside = select(0u, params.N, k + line < params.K);
    b_tile[thread] = load_b(params.b0 + z * params.bBatch + (k + line) * params.bRow, column + 4u * quad, inside);
  }
}

// Four rows of A in the tile: `half` is which four of the thread's, `quad` which four terms. Column i is row i.
fn rows_of_a(y: u32, half: u32, quad: u32) -> mat4x4f {
  if (transposeA) {
    let line = 4u * rowsPerThread;
    let at = quad * 4u * line + 16u * half + y;
    return transpose(mat4x4f(a_tile[at], a_tile[at + line], a_tile[at + 2u * line], a_tile[at + 3u * line]));
  }
  let at = (64u * half + y) * line_of_k + quad;
  let next = 16u * line_of_k;
  return mat4x4f(a_tile[at], a_tile[at + next], a_tile[at + 2u * next], a_tile[at + 3u * next]);
}

// Four terms of the thread's four columns of B. Column i is term i.
fn terms_of_b(x: u32, quad: u32) -> mat4x4f {
  if (transposeB) {
    let at = x * line_of_k + quad;
    let next = 16u * line_of_k;
    return transpose(mat4x4f(b_tile[at], b_tile[at + next], b_tile[at + 2u * next], b_tile[at + 3u * next]));
  }
  let at = quad * 64u + x;
  return mat4x4f(b_tile[at], b_tile[at + 16u], b_tile[at + 32u], b_tile[at + 48u]);
}

fn add_terms(sum: vec4f, a_row: vec4f, b: mat4x4f) -> vec4f {
  return (((sum + a_row.x * b[0]) + a_row.y * b[1]) + a_row.z * b[2]) + a_row.w * b[3];
}

fn add_rows(sums: mat4x4f, a_rows: mat4x4f, b: mat4x4f) -> mat4x4f {
  return mat4x4f(
    add_terms(sums[0], a_rows[0], b),
    add_terms(sums[1], a_rows[1], b),
    add_terms(sums[2], a_rows[2], b),
    add_terms(sums[3], a_rows[3], b),
  );
}

fn store_row(z: u32, m: u32, column: u32, x: u32, sums: vec4f) {
  if (m >= params.M) {
    return;
  }
  let to = params.c0 + z * params.cBatch + m * params.ldc;
  for (var j = 0u; j < 4u; j++) {
    let n = column + select(4u * x + j, x + 16u * j, transposeB);
    if (n < params.N) {
      var value = sums[j];
      if (hasBias) {
        value += bias[n];
      }
      if (storePre) {
        pre[to + n] = value;
      }
      if (gelu) {
        value *= gelu_gate(vec4f(value)).x;
      }
      c[to + n] = value;
    }
  }
}

fn store_rows(tile: vec3u, x: u32, y: u32, half: u32, sums: mat4x4f) {
  let first = tile.y * 16u * rowsPerThread + 64u * half + select(y, 4u * y, transposeA);
  let next = select(16u, 1u, transposeA);
  for (var i = 0u; i < 4u; i++) {
    store_row(tile.z, first + i * next, tile.x * tile_columns, x, sums[i]);
  }
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) tile: vec3u, @builtin(local_invocation_index) thread: u32) {
  let x = thread % 16u;
  let y = thread / 16u;
  var low = mat4x4f();
  var high = mat4x4f();
  for (var k = 0u; k < params.K; k += k_step) {
    fetch_a(tile.z, tile.y * 16u * rowsPerThread, k, thread);
    fetch_b(tile.z, tile.x * tile_columns, k, thread);
    workgroupBarrier();
    for (var quad = 0u; quad < k_step / 4u; quad++) {
      let b_terms = terms_of_b(x, quad);
      low = add_rows(low, rows_of_a(y, 0u, quad), b_terms);
      if (rowsPerThread == 8u) {
        high = add_rows(high, rows_of_a(y, 1u, quad), b_terms);
      }
    }
    workgroupBarrier();
  }
  store_rows(tile, x, y, 0u, low);
  if (rowsPerThread == 8u) {
    store_rows(tile, x, y, 1u, high);
  }
}
