// Matrix products. The arithmetic is gemm's; here are the shapes, and which product is the gradient of which.
import { gemm } from '../gemm.ts';
import type { Device } from '../device.ts';
import { type Backward, defineOp, type Op } from '../op.ts';
import { columnsOf, expectShape, rowsOf, sameShape, type Shape, sizeOf } from '../shape.ts';
import type { Tensor } from '../tensor.ts';

export interface MatmulOptions {
  /** Use each matrix of `a` transposed. Not together with `transposeB`. */
  readonly transposeA?: boolean;
  /** Use each matrix of `b` transposed. */
  readonly transposeB?: boolean;
}

type Pair = readonly [a: Tensor, b: Tensor];

const matrix = (shape: Shape, transposed = false): [rows: number, columns: number] => {
  const [rows, columns] = [shape.at(-2) ?? 1, shape.at(-1) ?? 1];
  return transposed ? [columns, rows] : [rows, columns];
};

/** Whether `b` is one matrix for all rows of `a`, a weight, rather than one for each matrix of `a`. */
const sharesB = (a: Shape, b: Shape): boolean => b.length === 2 && a.length !== 2;

/**
 * Matrix product over the last two axes: `a` (…, M, K) with `b` (…, K, N) of the same leading axes, or with one matrix
 * `b` (K, N) for all. Sums are taken over k in ascending order.
 * @throws {ShapeError}
 */
export const matmul: Op<[a: Tensor, b: Tensor], MatmulOptions> = defineOp({
  name: 'matmul',
  arity: 2,
  shape([a, b], { transposeA = false, transposeB = false }) {
    const [m, k] = matrix(a, transposeA);
    const [inner, n] = matrix(b, transposeB);
    expectShape(a.length >= 2 && b.length >= 2 && k === inner, 'matmul', 'a (…, M, K) and b (…, K, N)', a, b);
    expectShape(
      !(transposeA && (transposeB || sharesB(a, b))),
      'matmul',
      'transposeA without transposeB, and a b for each a',
      a,
      b,
    );
    expectShape(
      sharesB(a, b) || sameShape(a.slice(0, -2), b.slice(0, -2)),
      'matmul',
      'equal leading axes, or one matrix b',
      a,
      b,
    );
    return [...a.slice(0, -2), m, n];
  },
  forward(device, [a, b], y, { transposeA = false, transposeB = false }) {
    const [m, k] = matrix(a.shape, transposeA);
    const n = columnsOf(y.shape);
    const shared = sharesB(a.shape, b.shape);
    const batch = shared ? 1 : sizeOf(a.shape) / (m * k);
    gemm(device, {
      a: { tensor: a, transposed: transposeA },
      b: { tensor: b, transposed: transposeB },
      c: { tensor: y },
      m: shared ? rowsOf(a.shape) : m,
      n,
      k,
      batch,
    });
  },
  backward(device, context, options) {
    const { inputs, shards } = context;
    const weight = isWeight(context) && !options.transposeA;
    expectShape(
      weight || shards === 1 || inputs[0].shape.length > 2,
      'matmul',
      'rows that a pass of several shards can cut',
      inputs[0].shape,
    );
    return (weight ? weightGradients : matrixGradients)(device, context, options);
  },
});

/** A single matrix `b` beside rows in `a`: its gradient is kept for each shard. Two plain matrices count as such, too. */
function isWeight({ inputs: [a, b] }: Backward<Pair>): boolean {
  return sharesB(a.shape, b.shape) || (a.shape.length === 2 && b.shape.length === 2);
}

/** y = a·b: da = dy·bᵀ, and for each shard db = aᵀ·dy. With b transposed: da = dy·b, db = dyᵀ·a. */
function weightGradients(
  device: Device,
  { inputs: [a, b], dy, needs, shards }: Backward<Pair>,
  { transposeB = false }: MatmulOptions,
): (Tensor | undefined)[] {
  const [k, n] = matrix(b.shape, transposeB);
  const rows = rowsOf(a.shape);
  const da = needs[0] ? device.empty(a.shape) : undefined;
  if (da)
    gemm(device, {
      a: { tensor: dy },
      b: { tensor: b, transposed: !transposeB },
      c: { tensor: da },
      m: rows,
      n: k,
      k: n,
    });
  const db = needs[1] ? device.empty([shards, ...b.shape]) : undefined;
  const [left, right] = transposeB ? [dy, a] : [a, dy];
  if (db) {
    gemm(device, {
      a: { tensor: left, transposed: true },
      b: { tensor: right },
      c: { tensor: db },
      m: columnsOf(left.shape),
      n: columnsOf(right.shape),
      k: rows / shards,
      batch: shards,
    });
  }
  return [da, db];
}

/** A `b` for each `a`: both gradients have rows of their own. */
function matrixGradients(
  device: Device,
  { inputs: [a, b], dy, needs }: Backward<Pair>,
  { transposeA = false, transposeB = false }: MatmulOptions,
): (Tensor | undefined)[] {
  const [m, k] = matrix(a.shape, transposeA);
  const n = columnsOf(dy.shape);
  const batch = sizeOf(a.shape) / (m * k);
  const da = needs[0] ? device.empty(a.shape) : undefined;
  const db = needs[1] ? device.empty(b.shape) : undefined;
  if (da && transposeA)
    gemm(device, { a: { tensor: b }, b: { tensor: dy, transposed: true }, c: { tensor: da }, m: k, n: m, k: n, batch });
  else if (da)
    gemm(device, {
      a: { tensor: dy },
      b: { tensor: b, transposed: !transposeB },
      c: { tensor: da },
      m,
      n: k,
      k: n,
      batch,
    });
  if (db && transposeB)
    gemm(device, { a: { tensor: dy, transposed: true }, b: { tensor: a }, c: { tensor: db }, m: n, n: k, k: m, batch });
  else if (db)
    gemm(device, {
      a: { tensor: a, transposed: !transposeA },
      b: { tensor: dy },
      c: { tensor: db },
      m: k,
      n,
      k: m,
      batch,
    });
  return [da, db];
}
