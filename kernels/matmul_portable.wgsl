// c(m, n) = epilogue(Σ_k a(m, k)·b(k, n) + bias(n)), for each matrix of the batch; k ascends, one accumulator an element.
//
// One invocation per column and 8 rows: registers only.

struct Params {
  m: u32,
  n: u32,
  k: u32,
  a_batch: u32,
  b_batch: u32,
  c_batch: u32,
  lda: u32,
  ldb: u32,
  ldc: u32,
  a_start: u32,
  b_start: u32,
  c_start: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> c: array<f32>;
@group(0) @binding(5) var<storage, read_write> pre: array<f32>;

override lanes: u32 = 32u;
override transpose_a: u32 = 0u;
override transpose_b: u32 = 0u;
override has_bias: u32 = 0u;
override gelu: u32 = 0u;
override store_pre: u32 = 0u;
override accumulate: u32 = 0u;

fn at_a(m: u32, k: u32) -> f32 {
  if (transpose_a == 1u) { return a[k * params.lda + m]; }
  return a[m * params.lda + k];
}

fn gelu_tanh(x: f32) -> f32 {
  let u = 0.7978845608 * (x + 0.044715 * x * x * x);
  return x * (1.0 - 1.0 / (1.0 + exp(2.0 * u)));
}

@compute @workgroup_size(lanes)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let n = group.x * lanes + lane;
  if (n >= params.n) { return; }
  let b_from = params.b_start + group.z * params.b_batch;
  let a_from = params.a_start + group.z * params.a_batch;
  for (var r = 0u; r < 8u; r++) {
    let m = group.y * 8u + r;
    if (m >= params.m) { break; }
    var sum = 0.0;
    for (var k = 0u; k < params.k; k++) {
      var x: f32; var y: f32;
      if (transpose_a == 1u) { x = a[a_from + k * params.lda + m]; } else { x = a[a_from + m * params.lda + k]; }
      if (transpose_b == 1u) { y = b[b_from + n * params.ldb + k]; } else { y = b[b_from + k * params.ldb + n]; }
      sum += x * y;
    }
    if (has_bias == 1u) { sum += bias[n]; }
    let i = params.c_start + group.z * params.c_batch + m * params.ldc + n;
    if (store_pre == 1u) { pre[i] = sum; }
    if (gelu == 1u) { sum = gelu_tanh(sum); }
    if (accumulate == 1u) { sum += c[i]; }
    c[i] = sum;
  }
}
