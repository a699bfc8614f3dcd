// Truth: 1 for true and 0 for false, of u32. Everything but 0 counts as true, NaN included.
import { defineElementwise, type ElementwiseOp, type Operand } from '../autograd/elementwise.ts';
import { type DType, isFloat } from '../dtype.ts';

const isTrue =
  (name: string) =>
  (dtype: DType): string =>
    isFloat(dtype) ? `magnitude_bits(${name}) != 0u` : `${name} != ${dtype}(0)`;

const truth = <Inputs extends readonly Operand[]>(
  name: string,
  wgsl: (dtype: DType) => string,
  reference: (...inputs: { [I in keyof Inputs]: number }) => boolean,
): ElementwiseOp<Inputs> =>
  defineElementwise<Inputs>({
    name,
    takes: 'number',
    isTruth: true,
    uses: ['ieee754'],
    wgsl,
    reference: (...inputs) => Number(reference(...inputs)),
  });

/** Whether both are true. @throws {ShapeError} */
export const logicalAnd: ElementwiseOp<[a: Operand, b: Operand]> = truth(
  'logicalAnd',
  (dtype) => `(${isTrue('a')(dtype)}) && (${isTrue('b')(dtype)})`,
  (a, b) => a !== 0 && b !== 0,
);

/** Whether one of both is true. @throws {ShapeError} */
export const logicalOr: ElementwiseOp<[a: Operand, b: Operand]> = truth(
  'logicalOr',
  (dtype) => `(${isTrue('a')(dtype)}) || (${isTrue('b')(dtype)})`,
  (a, b) => a !== 0 || b !== 0,
);

/** Whether it is not true. */
export const logicalNot: ElementwiseOp<[x: Operand]> = truth(
  'logicalNot',
  (dtype) => `!(${isTrue('a')(dtype)})`,
  (x) => x === 0,
);

/** Whether it is neither infinite nor NaN. */
export const isFinite: ElementwiseOp<[x: Operand]> = truth(
  'isFinite',
  (dtype) => (isFloat(dtype) ? '!is_unsound(a)' : 'true'),
  (x) => Number.isFinite(x),
);
