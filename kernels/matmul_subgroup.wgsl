// C[z](m, n) = epilogue(sum_k A[z](m, k) * B[z](k, n) + bias[n]), k ascending, one accumulator per element.
//
// Work: one subgroup (8 invocations) owns a 32 x 32 tile of C. Lane l holds the columns l, l+8, l+16, l+24 of the tile
// for all 32 rows. Every element of A and B is loaded once per tile: A by the lane of its row and passed on by
// subgroupShuffle, B by the lane of its column. Written for CPU adapters, where a load costs 8 lanes times as much as
// a vector multiply and a shuffle almost nothing. The accumulators live in an array and not in variables, because the
// epilogue indexes them with its loop counter: one store in the code instead of 128 keeps pipelines quick to compile.
// Needs subgroups of at least 8 lanes. `kStep` 2 needs an even K.
//
// Strides serve all forms: A (M, K) has aRow = lda, aCol = 1, its transpose aRow = 1, aCol = lda; the same for B.
//   a     (batch, M, K) through aBatch, aRow, aCol from a0     bias  (N)
//   b     (batch, K, N) through bBatch, bRow, bCol from b0     c     (batch, M, N) through cBatch, ldc from c0
//   pre   (batch, M, N) as c: what gelu received
// Workgroups: (ceil(N / 32), ceil(M / 32), batch).
enable subgroups;

struct Params {
  M: u32, N: u32, K: u32,
  aBatch: u32, aRow: u32, aCol: u32, a0: u32,
  bBatch: u32, bRow: u32, bCol: u32, b0: u32,
  cBatch: u32, ldc: u32, c0: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> c: array<f32>;
@group(0) @binding(5) var<storage, read_write> pre: array<f32>;

override kStep: u32 = 2u;
// 1 where C is symmetric, and dense: tiles right of the diagonal are those left of it, mirrored.
override symmetric: u32 = 0u;

const lanes = 8u;
const rows = 32u;
const columns = 4u; // per lane

var<private> sums: array<f32, rows * columns>;

// Adds one or two terms of the sum to eight rows. `x` and `y` hold A(row + lane, k) and A(row + lane, k + 1).
fn addTerms(row: u32, x: f32, y: f32, p: vec4f, q: vec4f) {
  for (var r = 0u; r < lanes; r++) {
    let xr = subgroupShuffle(x, r);
    let yr = subgroupShuffle(y, r);
    for (var j = 0u; j < columns; j++) {
      let at = (row + r) * columns + j;
      if (kStep == 2u) {
        sums[at] = (sums[at] + xr * p[j]) + yr * q[j];
      } else {
        sums[at] = sums[at] + xr * p[j];
      }
    }
  }
}

// use: gelu
// use: product_epilogue

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) tile: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  if (symmetric == 1u && tile.x > tile.y) { return; }
  let row = tile.y * rows;
  let column = tile.x * lanes * columns + lane;
  let aStart = params.a0 + tile.z * params.aBatch;
  let bStart = params.b0 + tile.z * params.bBatch;

  // Rows and columns past the edge repeat the last one; they are never stored.
  var aAt = aStart + min(vec4u(row + lane) + vec4u(0u, 8u, 16u, 24u), vec4u(params.M - 1u)) * params.aRow;
  var bAt = bStart + min(vec4u(column) + vec4u(0u, 8u, 16u, 24u), vec4u(params.N - 1u)) * params.bCol;

  let K = params.K;
  let aCol = params.aCol;
  let bRow = params.bRow;
  for (var k = 0u; k < K; k += kStep) {
    let p = vec4f(b[bAt.x], b[bAt.y], b[bAt.z], b[bAt.w]);
    let x = vec4f(a[aAt.x], a[aAt.y], a[aAt.z], a[aAt.w]);
    var q = p;
    var y = x;
    if (kStep == 2u) {
      bAt += bRow;
      aAt += aCol;
      q = vec4f(b[bAt.x], b[bAt.y], b[bAt.z], b[bAt.w]);
      y = vec4f(a[aAt.x], a[aAt.y], a[aAt.z], a[aAt.w]);
    }
    bAt += bRow;
    aAt += aCol;
    addTerms(0u, x.x, y.x, p, q);
    addTerms(8u, x.y, y.y, p, q);
    addTerms(16u, x.z, y.z, p, q);
    addTerms(24u, x.w, y.w, p, q);
  }

  let N = params.N;
  let rowEnd = min(row + rows, params.M);
  let ldc = params.ldc;
  var to = params.c0 + tile.z * params.cBatch + row * ldc;
  var at = 0u;
  for (var m = row; m < rowEnd; m++) {
    for (var n = column; n < column + lanes * columns; n += lanes) {
      if (n < N) {
        store_element(to + n, finished(to + n, n, sums[at]));
        if (symmetric == 1u && tile.x < tile.y) {
          let mirrored = params.c0 + tile.z * params.cBatch + n * ldc + m;
          store_element(mirrored, finished(mirrored, m, sums[at]));
        }
      }
      at++;
    }
    to += ldc;
  }
}
