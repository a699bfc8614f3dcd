// C[z](m, n) = epilogue(sum_k A[z](m, k) * B[z](k, n) + bias[n]), k ascending, one accumulator per element.
//
// Work: a workgroup of 256 computes 64 quads x 64 quads elements of C through workgroup memory (lib/matmul_tile.wgsl; 8 KiB
// with one quad a thread and side, 16 KiB with two). Any shape and stride. For GPUs.
// Workgroups: (ceil(N / (64 quads)), ceil(M / (64 quads)), batch).

struct Params {
  M: u32, N: u32, K: u32,
  aBatch: u32, aRow: u32, aCol: u32, a0: u32,
  bBatch: u32, bRow: u32, bCol: u32, b0: u32,
  cBatch: u32, ldc: u32, c0: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;          // (batch, M, K) from a0, or (batch, K, M) where transposeA
@group(0) @binding(2) var<storage, read> b: array<f32>;          // (batch, K, N) from b0, or (batch, N, K) where transposeB
@group(0) @binding(3) var<storage, read> bias: array<f32>;       // (N)
@group(0) @binding(4) var<storage, read_write> c: array<f32>;    // (batch, M, N) from c0, rows ldc apart
@group(0) @binding(5) var<storage, read_write> pre: array<f32>;  // (batch, M, N) as c: what gelu received

override quads: u32 = 1u; // or 2
override transposeA: bool = false;
override transposeB: bool = false;

fn load_a(line: u32, first: u32, limit: u32) -> vec4f {
  var quad = vec4f();
  for (var i = 0u; i < 4u; i++) {
    if (first + i < limit) {
      quad[i] = a[line + first + i];
    }
  }
  return quad;
}

fn load_b(line: u32, first: u32, limit: u32) -> vec4f {
  var quad = vec4f();
  for (var i = 0u; i < 4u; i++) {
    if (first + i < limit) {
      quad[i] = b[line + first + i];
    }
  }
  return quad;
}

// use: gelu
// use: product_epilogue
// use: matmul_tile
