// The four operations, and what else is arithmetic of one element at a time.
import { defineElementwise, type ElementwiseOp, type Operand } from '../autograd/elementwise.ts';

/** `a + b`. @throws {ShapeError} */
export const add: ElementwiseOp<[a: Operand, b: Operand]> = defineElementwise({
  name: 'add',
  takes: 'number',
  wgsl: 'a + b',
  gradient: ({ dy }) => [dy, dy],
  reference: (a, b) => a + b,
});

/** `a − b`. @throws {ShapeError} */
export const sub: ElementwiseOp<[a: Operand, b: Operand]> = defineElementwise({
  name: 'sub',
  takes: 'number',
  wgsl: 'a - b',
  gradient: ({ dy, needs }) => [dy, needs[1] ? neg(dy) : undefined],
  reference: (a, b) => a - b,
});

/** `a · b`. @throws {ShapeError} */
export const mul: ElementwiseOp<[a: Operand, b: Operand]> = defineElementwise({
  name: 'mul',
  takes: 'number',
  wgsl: 'a * b',
  gradient: ({ inputs: [a, b], dy, needs }) => [needs[0] ? mul(dy, b!) : undefined, needs[1] ? mul(dy, a!) : undefined],
  reference: (a, b) => a * b,
});

/** `a / b`, in floats. @throws {ShapeError} */
export const div: ElementwiseOp<[a: Operand, b: Operand]> = defineElementwise({
  name: 'div',
  wgsl: 'a / b',
  gradient: ({ inputs: [, b], y, dy, needs }) => [
    needs[0] ? div(dy, b!) : undefined,
    needs[1] ? neg(mul(dy, div(y, b!))) : undefined,
  ],
  reference: (a, b) => a / b,
});

/** `−x`. */
export const neg: ElementwiseOp<[x: Operand]> = defineElementwise({
  name: 'neg',
  takes: 'number',
  wgsl: (dtype) => (dtype === 'u32' ? '0u - a' : '-a'),
  gradient: ({ dy }) => [neg(dy)],
  reference: (x) => -x,
});
