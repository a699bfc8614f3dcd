// Matrix products of whatever has rows and columns: vectors, matrices, stacks of them, and views of those.
import { broadcastShapes, expectShape, type Shape, sizeOf } from '../shape.ts';
import type { Recorder } from '../graph/recorder.ts';
import { nodeOf } from '../graph/node.ts';
import { wholeOf } from '../graph/whole-of.ts';
import type { Tensor } from '../tensor.ts';
import { broadcastTo } from './broadcast-to.ts';
import { matrixProduct, type ProductOptions } from './matrix-product.ts';
import { transpose } from './permute.ts';
import { reshape } from './reshape.ts';
import { squeeze, unsqueeze } from './squeeze.ts';

export interface MatmulOptions {
  /** Use each matrix of `a` transposed. */
  readonly transposeA?: boolean;
  /** Use each matrix of `b` transposed. */
  readonly transposeB?: boolean;
  /** The product is known to be symmetric, as XXᵀ is: kernels may compute half of it, and mirror that. */
  readonly symmetric?: boolean;
}

/**
 * Matrix product over the last two axes: `a` (…, M, K) with `b` (…, K, N), whose leading axes are broadcast, is (…, M, N). A vector `a` (K) is
 * a row, a vector `b` (K) a column, and the result has no axis for it. Transposed views are read where they lie. Sums are taken over k in
 * ascending order.
 * @throws {ShapeError}
 */
export function matmul(
  a: Tensor,
  b: Tensor,
  { transposeA = false, transposeB = false, symmetric = false }: MatmulOptions = {},
): Tensor {
  const [isRow, isColumn] = [a.shape.length === 1, b.shape.length === 1];
  const left = { tensor: isRow ? unsqueeze(a, 0) : a, transposed: transposeA && !isRow };
  const right = { tensor: isColumn ? unsqueeze(b, 1) : b, transposed: transposeB && !isColumn };
  const haveAxes = a.shape.length > 0 && b.shape.length > 0;
  const fits = haveAxes && sizesOf(left).columns === sizesOf(right).rows;
  expectShape(fits, 'matmul', 'a (…, M, K) and b (…, K, N)', a.shape, b.shape);
  const y = productOf(...matched(left, right), symmetric);
  const gone = [...(isRow ? [-2] : []), ...(isColumn ? [-1] : [])];
  return gone.length === 0 ? y : squeeze(y, gone);
}

interface Matrices {
  readonly tensor: Tensor;
  readonly transposed: boolean;
}

function sizesOf({ tensor: { shape }, transposed }: Matrices): { rows: number; columns: number } {
  const [rows, columns] = [shape.at(-2)!, shape.at(-1)!];
  return transposed ? { rows: columns, columns: rows } : { rows, columns };
}

const leadOf = ({ tensor }: Matrices): Shape => tensor.shape.slice(0, -2);

/** Matrices with the same leading axes, or one matrix for all on the right. @throws {ShapeError} for those that do not broadcast */
function matched(left: Matrices, right: Matrices): [Matrices, Matrices] {
  const lead = broadcastShapes('matmul', [leadOf(left), leadOf(right)], [left.tensor.shape, right.tensor.shape]);
  const isOne = sizeOf(leadOf(right)) === 1 && lead.length > 0 && leadOf(left).length === lead.length;
  if (isOne) return [left, { ...right, tensor: reshape(right.tensor, right.tensor.shape.slice(-2)) }];
  return [repeated(left, lead), repeated(right, lead)];
}

const repeated = ({ tensor, transposed }: Matrices, lead: Shape): Matrices => ({
  tensor: broadcastTo(tensor, [...lead, ...tensor.shape.slice(-2)]),
  transposed,
});

/** The product in one of the forms that kernels know; another is brought into one by a copy. */
function productOf(left: Matrices, right: Matrices, symmetric: boolean): Tensor {
  const [a, b] = [asStored(left), asStored(right)];
  const isShared = b.tensor.shape.length === 2 && a.tensor.shape.length > 2;
  const options: ProductOptions = {
    transposeA: a.transposed,
    transposeB: b.transposed,
    ...(symmetric && { symmetric }),
  };
  if (!a.transposed || !(b.transposed || isShared)) return matrixProduct(a.tensor, b.tensor, options);
  return matrixProduct(transpose(a.tensor), b.tensor, { ...options, transposeA: false });
}

/** What a transposed view is a view of, where nobody asks for the view's own gradient. */
function asStored({ tensor, transposed }: Matrices): Matrices {
  if (nodeOf(tensor)?.kind !== 'view') return { tensor, transposed };
  const { tape } = tensor.device as Recorder;
  const turned = transpose(tensor);
  const whole = wholeOf([turned], 0, (one) => !tape?.isWanted(one));
  return whole && whole !== turned
    ? { tensor: reshape(whole, turned.shape), transposed: !transposed }
    : { tensor, transposed };
}
