// C[z](m, n) = epilogue(sum_k A[z](m, k) * B[z](k, n) + bias[n]), k ascending, one accumulator per element.
//
// Work: one invocation owns 8 rows and 4 columns of C in registers; the invocations of a workgroup stand side by side
// along n, so that their loads of B and stores of C are contiguous. No workgroup memory, no barrier, no subgroups: it
// runs on every adapter, and is the choice for CPU adapters without subgroups.
//
// Strides serve all forms: A (M, K) has aRow = lda, aCol = 1, its transpose aRow = 1, aCol = lda; the same for B.
//   a     (batch, M, K) through aBatch, aRow, aCol from a0     bias  (N)
//   b     (batch, K, N) through bBatch, bRow, bCol from b0     c     (batch, M, N) through cBatch, ldc from c0
//   pre   (batch, M, N) as c: what gelu received
// Workgroups: (ceil(N / (4 * width)), ceil(M / 8), batch).
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

override width: u32 = 8u;

const rows = 8u;
const columns = 4u;

// use: gelu
// use: product_epilogue

@compute @workgroup_size(width)
fn main(@builtin(workgroup_id) tile: vec3u, @builtin(local_invocation_index) lane: u32) {
  let N = params.N;
  let K = params.K;
  let aCol = params.aCol;
  let bRow = params.bRow;
  let row = tile.y * rows;
  let column = tile.x * width * columns + lane;

  // Rows and columns past the edge repeat the last one; they are never stored.
  let lastRow = vec4u(params.M - 1u);
  let aStart = params.a0 + tile.z * params.aBatch;
  let bStart = params.b0 + tile.z * params.bBatch;
  var low = aStart + min(row + vec4u(0u, 1u, 2u, 3u), lastRow) * params.aRow;
  var high = aStart + min(row + vec4u(4u, 5u, 6u, 7u), lastRow) * params.aRow;
  var across = bStart + min(column + width * vec4u(0u, 1u, 2u, 3u), vec4u(N - 1u)) * params.bCol;

  var s0 = vec4f();
  var s1 = vec4f();
  var s2 = vec4f();
  var s3 = vec4f();
  var s4 = vec4f();
  var s5 = vec4f();
  var s6 = vec4f();
  var s7 = vec4f();
  for (var k = 0u; k < K; k++) {
    let p = vec4f(b[across.x], b[across.y], b[across.z], b[across.w]);
    s0 += a[low.x] * p;
    s1 += a[low.y] * p;
    s2 += a[low.z] * p;
    s3 += a[low.w] * p;
    s4 += a[high.x] * p;
    s5 += a[high.y] * p;
    s6 += a[high.z] * p;
    s7 += a[high.w] * p;
    low += aCol;
    high += aCol;
    across += bRow;
  }

  // Indexed by the loop: one store in the code instead of 32 keeps the pipeline quick to compile.
  var sums = array(s0, s1, s2, s3, s4, s5, s6, s7);
  let ldc = params.ldc;
  let rowEnd = min(row + rows, params.M);
  var to = params.c0 + tile.z * params.cBatch + row * ldc;
  for (var m = row; m < rowEnd; m++) {
    var values = sums[m - row];
    for (var n = column; n < column + width * columns; n += width) {
      if (n < N) {
        store_element(to + n, finished(to + n, n, values.x));
      }
      values = values.yzwx;
    }
    to += ldc;
  }
}
