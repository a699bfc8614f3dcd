// Comparisons: 1 where they hold and 0 where not, of u32. Nothing is equal to NaN, or more or less than it.
import type { DType } from '../dtype.ts';
import { isFloat } from '../dtype.ts';
import { defineElementwise, type ElementwiseOp, type Operand } from '../autograd/elementwise.ts';

type Comparison = ElementwiseOp<[a: Operand, b: Operand]>;

/** WGSL lets compilers assume that there is no NaN, so it is looked for in the bits. */
const ordered =
  (comparison: string) =>
  (dtype: DType): string =>
    isFloat(dtype) ? `(${comparison}) && !is_nan(a) && !is_nan(b)` : comparison;

const comparison = (
  name: string,
  wgsl: (dtype: DType) => string,
  reference: (a: number, b: number) => boolean,
): Comparison =>
  defineElementwise({
    name,
    takes: 'number',
    isTruth: true,
    uses: ['ieee754'],
    wgsl,
    reference: (a, b) => Number(reference(a, b)),
  });

/** Whether `a = b`. @throws {ShapeError} */
export const equal: Comparison = comparison('equal', ordered('a == b'), (a, b) => a === b);
/** Whether `a ≠ b`, as NaN is to all. @throws {ShapeError} */
export const notEqual: Comparison = comparison(
  'notEqual',
  (dtype) => `!(${ordered('a == b')(dtype)})`,
  (a, b) => a !== b,
);
/** Whether `a < b`. @throws {ShapeError} */
export const less: Comparison = comparison('less', ordered('a < b'), (a, b) => a < b);
/** Whether `a ≤ b`. @throws {ShapeError} */
export const lessEqual: Comparison = comparison('lessEqual', ordered('a <= b'), (a, b) => a <= b);
/** Whether `a > b`. @throws {ShapeError} */
export const greater: Comparison = comparison('greater', ordered('a > b'), (a, b) => a > b);
/** Whether `a ≥ b`. @throws {ShapeError} */
export const greaterEqual: Comparison = comparison('greaterEqual', ordered('a >= b'), (a, b) => a >= b);
