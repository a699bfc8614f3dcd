// One of two, by a condition.
import { defineElementwise, type ElementwiseOp, type Operand } from '../autograd/elementwise.ts';
import { Tensor } from '../tensor.ts';
import { notEqual } from './comparison.ts';

/** `a` where the condition is not 0, `b` elsewhere; the condition has no gradient. @throws {ShapeError} */
export function where(condition: Operand, a: Operand, b: Operand): Tensor {
  const isNumber = condition instanceof Tensor && condition.dtype !== 'u32';
  return chosen(isNumber ? notEqual(condition, 0) : condition, a, b);
}

const chosen: ElementwiseOp<[condition: Operand, a: Operand, b: Operand]> = defineElementwise({
  name: 'where',
  takes: 'number',
  truths: [0],
  wgsl: 'select(c, b, a != 0u)',
  gradient: ({ inputs: [condition], dy, needs }) => [
    undefined,
    needs[1] ? chosen(condition!, dy, 0) : undefined,
    needs[2] ? chosen(condition!, 0, dy) : undefined,
  ],
  reference: (condition, a, b) => (condition === 0 ? b : a),
});
