// General matrix product over dense row-major matrices, in all the forms that forward and backward need, and the choice
// of the kernel that computes it. Knows neither shapes of tensors nor gradients.
import { matmulPortable } from '@lockstep/kernels';
import type { Device } from './device.ts';
import type { Tensor } from './tensor.ts';

/** A matrix, or a batch of them one after the other, inside a tensor. */
export interface Matrix {
  readonly tensor: Tensor;
  /** Use the stored matrix transposed. */
  readonly transposed?: boolean;
  /** Elements from the start of the tensor to the first. */
  readonly offset?: number;
  /** Elements from one stored row to the next; the length of a stored row unless given. */
  readonly stride?: number;
}

/** c(m, n) = epilogue(Σ_k a(m, k)·b(k, n) + bias(n)), for each of `batch` matrices. */
export interface Gemm {
  readonly a: Matrix;
  readonly b: Matrix;
  readonly c: Matrix;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly batch?: number;
  readonly bias?: Tensor | undefined;
  /** Apply GELU, keeping what it is applied to in `pre` where that is given. */
  readonly gelu?: boolean;
  readonly pre?: Tensor | undefined;
  /** Add to `c` instead of overwriting it. */
  readonly accumulate?: boolean;
}

const flag = (value: boolean | undefined): number => (value ? 1 : 0);

/** Dispatches a product. */
export function gemm(device: Device, product: Gemm): void {
  const { a, b, c, m, n, k, batch = 1, bias, gelu, pre, accumulate } = product;
  const lda = a.stride ?? (a.transposed ? m : k);
  const ldb = b.stride ?? (b.transposed ? k : n);
  const ldc = c.stride ?? n;
  const params = {
    m,
    n,
    k,
    a_batch: (a.transposed ? k : m) * lda,
    b_batch: (b.transposed ? n : k) * ldb,
    c_batch: m * ldc,
    lda,
    ldb,
    ldc,
    a_start: a.offset ?? 0,
    b_start: b.offset ?? 0,
    c_start: c.offset ?? 0,
  };
  const constants = {
    transpose_a: flag(a.transposed),
    transpose_b: flag(b.transposed),
    has_bias: flag(bias !== undefined),
    gelu: flag(gelu),
    store_pre: flag(pre !== undefined),
    accumulate: flag(accumulate),
  };
  // A binding that the constants switch off still needs a buffer: `a` may be read twice, `nowhere` is never written.
  const tensors = { a: a.tensor, b: b.tensor, bias: bias ?? a.tensor, c: c.tensor, pre: pre ?? device.nowhere };
  device.run(matmulPortable, tensors, params, [Math.ceil(n / 32), Math.ceil(m / 8), batch], constants);
}
