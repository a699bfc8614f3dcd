// General matrix product over dense row-major matrices, in all the forms that forward and backward need, and the choice
// of the kernel that computes it. Knows neither shapes of tensors nor gradients.
import { matmulPortable, matmulSubgroup, matmulTiled, matmulTiledVec4 } from '@lockstep/kernels';
import type { Family } from '../device/adapter-facts.ts';
import type { Dispatcher } from '../device/dispatcher.ts';
import type { Tensor } from '../tensor.ts';

/** A matrix, or a batch of them one after the other, inside a tensor. */
export interface Matrix {
  readonly tensor: Tensor;
  /** Use the stored matrix transposed. */
  readonly transposed?: boolean;
  /** Elements from the start of the tensor to the first. */
  readonly offset?: number;
  /** Elements from one stored row to the next; the length of a stored row unless given. */
  readonly stride?: number;
  /** Whether one matrix serves the whole batch. */
  readonly isShared?: boolean;
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

/** What every family's kernel is given. */
interface Bound {
  readonly tensors: Record<'a' | 'b' | 'bias' | 'c' | 'pre', Tensor>;
  readonly params: Sides & Record<'M' | 'N' | 'K' | 'cBatch' | 'ldc' | 'c0', number>;
  readonly epilogue: Record<'hasBias' | 'gelu' | 'storePre', number>;
}

type Sides = Record<'aBatch' | 'aRow' | 'aCol' | 'a0' | 'bBatch' | 'bRow' | 'bCol' | 'b0', number>;

const flag = (value: boolean | undefined): number => (value ? 1 : 0);

/** Dispatches a product. */
export function gemm(device: Dispatcher, product: Gemm): void {
  families[device.families.matmul](device, product, bind(device, product));
}

/** A family's choice may depend on the lengths n and k, never on m or batch: those grow with the shards in a pass. */
const families: Record<Family, (device: Dispatcher, product: Gemm, bound: Bound) => void> = {
  portable(device, { m, n, batch = 1 }, { tensors, params, epilogue }) {
    const width = device.facts.isCpu ? 8 : 32;
    const groups = [Math.ceil(n / (4 * width)), Math.ceil(m / 8), batch] as const;
    device.run(matmulPortable, tensors, params, groups, { ...epilogue, width });
  },
  subgroup(device, { m, n, k, batch = 1 }, { tensors, params, epilogue }) {
    const groups = [Math.ceil(n / 32), Math.ceil(m / 32), batch] as const;
    device.run(matmulSubgroup, tensors, params, groups, { ...epilogue, kStep: k % 2 === 0 ? 2 : 1 });
  },
  tiled(device, product, { tensors, params, epilogue }) {
    const { a, b, m, n, k, batch = 1 } = product;
    const rowsPerThread = n * k >= tallFrom ? 8 : 4;
    const form = { rowsPerThread, transposeA: flag(a.transposed), transposeB: flag(b.transposed) };
    const groups = [Math.ceil(n / 64), Math.ceil(m / (16 * rowsPerThread)), batch] as const;
    device.run(isAligned(product, params) ? matmulTiledVec4 : matmulTiled, tensors, params, groups, {
      ...epilogue,
      ...form,
    });
  },
};

/** Elements of b from which tiles of 128 rows are taken instead of 64: an estimate, not yet tuned on hardware. */
const tallFrom = 2 ** 18;

/** Whether four neighbouring elements of a and of b can be read at once, wherever a read begins. */
function isAligned({ a, b, m, n, k }: Gemm, { aBatch, aRow, aCol, a0, bBatch, bRow, bCol, b0 }: Sides): boolean {
  const [lda, ldb] = [Math.max(aRow, aCol), Math.max(bRow, bCol)];
  const inner = [a.transposed ? m : k, b.transposed ? k : n];
  return [...inner, lda, ldb, a0, b0, aBatch, bBatch].every((length) => length % 4 === 0);
}

function bind(device: Dispatcher, product: Gemm): Bound {
  const { a, b, c, m, n, k, bias, gelu, pre } = product;
  const ldc = c.stride ?? n;
  return {
    // A binding that the constants switch off still needs a buffer: `a` may be read twice, `nowhere` is never written.
    tensors: { a: a.tensor, b: b.tensor, bias: bias ?? a.tensor, c: c.tensor, pre: pre ?? device.nowhere },
    params: { ...sides(product), M: m, N: n, K: k, cBatch: m * ldc, ldc, c0: c.offset ?? 0 },
    epilogue: { hasBias: flag(bias !== undefined), gelu: flag(gelu), storePre: flag(pre !== undefined) },
  };
}

/** Where the operands' elements are: steps along their rows and columns, transposed or not. */
function sides({ a, b, m, n, k }: Gemm): Sides {
  const lda = a.stride ?? (a.transposed ? m : k);
  const ldb = b.stride ?? (b.transposed ? k : n);
  return {
    aBatch: a.isShared ? 0 : (a.transposed ? k : m) * lda,
    aRow: a.transposed ? 1 : lda,
    aCol: a.transposed ? lda : 1,
    a0: a.offset ?? 0,
    bBatch: b.isShared ? 0 : (b.transposed ? n : k) * ldb,
    bRow: b.transposed ? 1 : ldb,
    bCol: b.transposed ? ldb : 1,
    b0: b.offset ?? 0,
  };
}
