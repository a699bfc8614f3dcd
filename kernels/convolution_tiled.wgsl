// Convolutions as products whose operands are read where they lie (lib/convolution.wgsl), through tiles in workgroup memory: for GPUs.
//
// Work: a workgroup of 256 computes 64 quads x 64 quads elements of C (lib/matmul_tile.wgsl).
// Workgroups: (ceil(N / (64 quads)), ceil(M / (64 quads)), batch).

// use: convolution

override quads: u32 = 1u; // or 2
const transposeA = false;
const transposeB = false;

// A line is a matrix and a row of A, a matrix and a term of B.
fn load_a(line: u32, first: u32, limit: u32) -> vec4f {
  var quad = vec4f();
  let lengths = terms();
  let row = left_row(line / params.M, line % params.M);
  for (var i = 0u; i < 4u; i++) {
    if (first + i < limit) { quad[i] = weights[row + left_term(line / params.M, unfolded(first + i, lengths))]; }
  }
  return quad;
}

fn load_b(line: u32, first: u32, limit: u32) -> vec4f {
  if (first >= limit) { return vec4f(); }
  let columns = four_columns(min(first + vec4u(0u, 1u, 2u, 3u), vec4u(params.N - 1u)));
  return right(line / params.K, unfolded(line % params.K, terms()), columns);
}

fn finished(to: u32, n: u32, sum: f32) -> f32 { return sum; }
fn store_element(to: u32, value: f32) { c[to] = value; }

// use: matmul_tile
