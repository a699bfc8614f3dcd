// Exponentials, logarithms and powers, and the circle.
import { defineElementwise, type ElementwiseOp, type Operand } from '../autograd/elementwise.ts';
import { difference, div, mul, neg } from './arithmetic.ts';
import { greater } from './comparison.ts';
import { where } from './where.ts';

type Unary = ElementwiseOp<[x: Operand]>;

/** `eˣ`. */
export const exp: Unary = defineElementwise({
  name: 'exp',
  wgsl: 'exponential(a)',
  uses: ['ieee754'],
  gradient: ({ y, dy }) => [mul(dy, y)],
  reference: (x) => Math.exp(x),
});

/** The natural logarithm; −∞ of 0, NaN of negative numbers. */
export const log: Unary = defineElementwise({
  name: 'log',
  wgsl: 'logarithm(a)',
  uses: ['ieee754', 'logarithm'],
  gradient: ({ inputs: [x], dy }) => [div(dy, x!)],
  reference: (x) => Math.log(x),
});

/** The sine of an angle in radians, accurate up to some ten thousand turns. */
export const sin: Unary = defineElementwise({
  name: 'sin',
  wgsl: 'sine(a)',
  uses: ['ieee754', 'trigonometry'],
  gradient: ({ inputs: [x], dy }) => [mul(dy, cos(x!))],
  reference: (x) => Math.sin(x),
});

/** The cosine of an angle in radians, accurate up to some ten thousand turns. */
export const cos: Unary = defineElementwise({
  name: 'cos',
  wgsl: 'cosine(a)',
  uses: ['ieee754', 'trigonometry'],
  gradient: ({ inputs: [x], dy }) => [neg(mul(dy, sin(x!)))],
  reference: (x) => Math.cos(x),
});

/** `a` to the power of `b`; of a negative number NaN unless `b` is whole. @throws {ShapeError} */
export const pow: ElementwiseOp<[a: Operand, b: Operand]> = defineElementwise({
  name: 'pow',
  wgsl: 'power(a, b)',
  uses: ['ieee754', 'logarithm', 'power'],
  gradient: ({ inputs: [a, b], y, dy, needs }) => [
    needs[0] ? mul(dy, mul(b!, pow(a!, difference(b!, 1)))) : undefined,
    needs[1] ? mul(dy, where(greater(a!, 0), mul(y, log(where(greater(a!, 0), a!, 1))), 0)) : undefined,
  ],
  reference: (a, b) => a ** b,
});
