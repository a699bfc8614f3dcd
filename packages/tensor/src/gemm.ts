// General matrix product over dense row-major matrices, in all the forms that forward and backward need, and the choice
// of the kernel that computes it. Knows neither shapes of tensors nor gradients.
import { matmulPortable, matmulSubgroup } from '@lockstep/kernels';
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
}

const flag = (value: boolean | undefined): number => (value ? 1 : 0);

/** Dispatches a product. */
export function gemm(device: Device, product: Gemm): void {
  const { m, n, k, batch = 1, bias, gelu, pre } = product;
  const c = product.c.stride ?? n;
  const params = {
    ...sides(product),
    M: m,
    N: n,
    K: k,
    cBatch: m * c,
    ldc: c,
    c0: product.c.offset ?? 0,
  };
  // A binding that the constants switch off still needs a buffer: `a` may be read twice, `nowhere` is never written.
  const a = product.a.tensor;
  const tensors = { a, b: product.b.tensor, bias: bias ?? a, c: product.c.tensor, pre: pre ?? device.nowhere };
  const epilogue = { hasBias: flag(bias !== undefined), gelu: flag(gelu), storePre: flag(pre !== undefined) };
  if (device.families.matmul === 'subgroup') {
    const tiles = [Math.ceil(n / 32), Math.ceil(m / 32), batch] as const;
    device.run(matmulSubgroup, tensors, params, tiles, { ...epilogue, kStep: k % 2 === 0 ? 2 : 1 });
  } else {
    const { width } = matmulPortable.constants;
    device.run(matmulPortable, tensors, params, [Math.ceil(n / (4 * width)), Math.ceil(m / 8), batch], epilogue);
  }
}

/** Where the operands' elements are: steps along their rows and columns, transposed or not. */
function sides({
  a,
  b,
  m,
  n,
  k,
}: Gemm): Record<'aBatch' | 'aRow' | 'aCol' | 'a0' | 'bBatch' | 'bRow' | 'bCol' | 'b0', number> {
  const lda = a.stride ?? (a.transposed ? m : k);
  const ldb = b.stride ?? (b.transposed ? k : n);
  return {
    aBatch: (a.transposed ? k : m) * lda,
    aRow: a.transposed ? 1 : lda,
    aCol: a.transposed ? lda : 1,
    a0: a.offset ?? 0,
    bBatch: (b.transposed ? n : k) * ldb,
    bRow: b.transposed ? 1 : ldb,
    bCol: b.transposed ? ldb : 1,
    b0: b.offset ?? 0,
  };
}
