// Products of dense matrices in the forms that kernels know. The arithmetic is gemm's; here are the shapes, and which product is the
// gradient of which.
import { defineOp, type Differentiated, type Op } from '../autograd/op.ts';
import { columnsOf, expectShape, rowsOf, rowsOfAll, sameShape, type Shape, sizeOf } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { gemm } from './gemm.ts';
import { reshape } from './reshape.ts';

export interface ProductOptions {
  /** Use each matrix of `a` transposed. Not together with `transposeB`. */
  readonly transposeA?: boolean;
  /** Use each matrix of `b` transposed. */
  readonly transposeB?: boolean;
  /** The product is known to be symmetric: half of it may be computed, and mirrored. */
  readonly symmetric?: boolean;
}

type Pair = readonly [a: Tensor, b: Tensor];

const matrix = (shape: Shape, transposed = false): [rows: number, columns: number] => {
  const [rows, columns] = [shape.at(-2) ?? 1, shape.at(-1) ?? 1];
  return transposed ? [columns, rows] : [rows, columns];
};

/** Whether `b` is one matrix for all rows of `a`, rather than one for each matrix of `a`. */
const sharesB = (a: Shape, b: Shape): boolean => b.length === 2 && a.length !== 2;

/**
 * Matrix product over the last two axes: `a` (…, M, K) with `b` (…, K, N) of the same leading axes, or with one matrix
 * `b` (K, N) for all. Sums are taken over k in ascending order.
 * @throws {ShapeError}
 */
export const matrixProduct: Op<[a: Tensor, b: Tensor], ProductOptions> = defineOp({
  name: 'matmul',
  shards: 'together',
  takesEpilogue: true,
  shape([a, b], { transposeA = false, transposeB = false, symmetric = false }) {
    const [m, k] = matrix(a, transposeA);
    const [inner, n] = matrix(b, transposeB);
    expectShape(a.length >= 2 && b.length >= 2 && k === inner, 'matmul', 'a (…, M, K) and b (…, K, N)', a, b);
    const fits = !(transposeA && (transposeB || sharesB(a, b)));
    expectShape(fits, 'matmul', 'transposeA without transposeB, and a b for each a', a, b);
    const sameLead = sharesB(a, b) || sameShape(a.slice(0, -2), b.slice(0, -2));
    expectShape(sameLead, 'matmul', 'equal leading axes, or one matrix b', a, b);
    expectShape(!symmetric || m === n, 'matmul', 'as many rows as columns of a symmetric product', [m, n]);
    return [...a.slice(0, -2), m, n];
  },
  forward(device, [a, b], y, { transposeA = false, transposeB = false, symmetric = false }) {
    const [m, k] = matrix(a.shape, transposeA);
    const n = columnsOf(y.shape);
    const [left, right] = [
      { tensor: a, transposed: transposeA },
      { tensor: b, transposed: transposeB },
    ];
    // Whether a product is mirrored follows from one shard's shapes.
    const isOne = symmetric && a.shards === undefined && y.size === n * n;
    // One matrix for all rows, and for all shards: those are rows of one product.
    if (b.shape.length === 2 && b.shards === undefined && !transposeA)
      return gemm(device, {
        a: left,
        b: right,
        c: { tensor: y },
        m: rowsOfAll(y),
        n,
        k,
        symmetric: isOne,
      });
    const perShard = sharesB(a.shape, b.shape) ? 1 : sizeOf(y.shape) / (m * n);
    const rows = sharesB(a.shape, b.shape) ? y.size / n : m;
    const isEven = (a.shards ?? 1) === (b.shards ?? 1) || perShard === 1;
    expectShape(isEven, 'matmul', 'matrices of each shard, or one for all', a.shape, b.shape);
    const batch = perShard * (y.shards ?? 1);
    gemm(device, {
      a: { ...left, isShared: a.shards === undefined && (y.shards ?? 1) > 1 },
      b: { ...right, isShared: b.shards === undefined && (y.shards ?? 1) > 1 },
      c: { tensor: y },
      m: rows,
      n,
      k,
      batch,
      symmetric: symmetric && rows === n,
    });
  },
  gradient: (context, options) =>
    (sharesB(context.inputs[0].shape, context.inputs[1].shape) ? sharedGradients : matrixGradients)(context, options),
});

/** A single matrix `b` for all rows of `a`: y = a·b, da = dy·bᵀ, db = aᵀ·dy over all rows. With b transposed: da = dy·b, db = dyᵀ·a. */
function sharedGradients(
  { inputs: [a, b], dy, needs }: Differentiated<Pair>,
  { transposeB = false }: ProductOptions,
): (Tensor | undefined)[] {
  const rows = (x: Tensor): Tensor => reshape(x, [rowsOf(x.shape), columnsOf(x.shape)]);
  const [left, right] = transposeB ? [dy, a] : [a, dy];
  return [
    needs[0] ? matrixProduct(dy, b, { transposeB: !transposeB }) : undefined,
    needs[1] ? matrixProduct(rows(left), rows(right), { transposeA: true }) : undefined,
  ];
}

/** A `b` for each `a`. */
function matrixGradients(
  { inputs: [a, b], dy, needs }: Differentiated<Pair>,
  { transposeA = false, transposeB = false }: ProductOptions,
): (Tensor | undefined)[] {
  const da = (): Tensor =>
    transposeA ? matrixProduct(b, dy, { transposeB: true }) : matrixProduct(dy, b, { transposeB: !transposeB });
  const db = (): Tensor =>
    transposeB ? matrixProduct(dy, a, { transposeA: true }) : matrixProduct(a, dy, { transposeA: !transposeA });
  return [needs[0] ? da() : undefined, needs[1] ? db() : undefined];
}
