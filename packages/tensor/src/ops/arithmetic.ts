// The four operations, and what else is arithmetic of one element at a time.
import { defineElementwise, type ElementwiseOp, type Operand } from '../autograd/elementwise.ts';
import { isFloat } from '../dtype.ts';
import { greater, greaterEqual, less, lessEqual } from './comparison.ts';

type Unary = ElementwiseOp<[x: Operand]>;
type Binary = ElementwiseOp<[a: Operand, b: Operand]>;

/** `a + b`. @throws {ShapeError} */
export const add: Binary = defineElementwise({
  name: 'add',
  takes: 'number',
  wgsl: 'a + b',
  gradient: ({ dy }) => [dy, dy],
  reference: (a, b) => a + b,
});

/** `a − b`. @throws {ShapeError} */
export const sub: Binary = defineElementwise({
  name: 'sub',
  takes: 'number',
  wgsl: 'a - b',
  gradient: ({ dy, needs }) => [dy, needs[1] ? neg(dy) : undefined],
  reference: (a, b) => a - b,
});

/** `a · b`. @throws {ShapeError} */
export const mul: Binary = defineElementwise({
  name: 'mul',
  takes: 'number',
  wgsl: 'a * b',
  gradient: ({ inputs: [a, b], dy, needs }) => [needs[0] ? mul(dy, b!) : undefined, needs[1] ? mul(dy, a!) : undefined],
  reference: (a, b) => a * b,
});

/** `a / b`, in floats. @throws {ShapeError} */
export const div: Binary = defineElementwise({
  name: 'div',
  wgsl: 'a / b',
  gradient: ({ inputs: [, b], y, dy, needs }) => [
    needs[0] ? div(dy, b!) : undefined,
    needs[1] ? neg(mul(dy, div(y, b!))) : undefined,
  ],
  reference: (a, b) => a / b,
});

/** `−x`. */
export const neg: Unary = defineElementwise({
  name: 'neg',
  takes: 'number',
  wgsl: (dtype) => (dtype === 'u32' ? '0u - a' : '-a'),
  gradient: ({ dy }) => [neg(dy)],
  reference: (x) => -x,
});

/** `|x|`; the gradient at 0 is 0. */
export const abs: Unary = defineElementwise({
  name: 'abs',
  takes: 'number',
  wgsl: (dtype) => (isFloat(dtype) ? 'bitcast<f32>(magnitude_bits(a))' : 'abs(a)'),
  uses: ['ieee754'],
  gradient: ({ inputs: [x], dy }) => [mul(dy, sign(x!))],
  reference: (x) => Math.abs(x),
});

/** −1, 0 or 1; NaN of NaN. Its gradient is 0. */
export const sign: Unary = defineElementwise({
  name: 'sign',
  takes: 'number',
  wgsl: (dtype) => (isFloat(dtype) ? 'nan_if(is_nan(a), sign(a))' : dtype === 'u32' ? 'min(a, 1u)' : 'sign(a)'),
  uses: ['ieee754'],
  gradient: () => [0],
  reference: (x) => Math.sign(x),
});

/** `x²`. */
export const square: Unary = defineElementwise({
  name: 'square',
  takes: 'number',
  wgsl: 'a * a',
  gradient: ({ inputs: [x], dy }) => [mul(dy, mul(x!, 2))],
  reference: (x) => x * x,
});

/** `√x`; NaN of negative numbers. */
export const sqrt: Unary = defineElementwise({
  name: 'sqrt',
  wgsl: 'nan_if(is_nan(a) || (a < 0.0 && magnitude_bits(a) > 0u), sqrt(max(a, 0.0)))',
  uses: ['ieee754'],
  gradient: ({ y, dy }) => [div(dy, mul(y, 2))],
  reference: (x) => Math.sqrt(x),
});

/** `1 / √x`; NaN of negative numbers, ∞ of 0. */
export const rsqrt: Unary = defineElementwise({
  name: 'rsqrt',
  wgsl: 'nan_if(is_nan(a) || (a < 0.0 && magnitude_bits(a) > 0u), 1.0 / sqrt(max(a, 0.0)))',
  uses: ['ieee754'],
  gradient: ({ inputs: [x], y, dy }) => [mul(dy, mul(div(y, x!), -0.5))],
  reference: (x) => 1 / Math.sqrt(x),
});

/** The smaller of two, NaN where either is; where they are equal, each has half of the gradient. @throws {ShapeError} */
export const minimum: Binary = defineElementwise({
  name: 'minimum',
  takes: 'number',
  wgsl: (dtype) => (isFloat(dtype) ? 'minimum(a, b)' : 'min(a, b)'),
  uses: ['ieee754'],
  gradient: ({ inputs: [a, b], dy, needs }) => [
    needs[0] ? mul(dy, share(lessEqual(a!, b!), less(a!, b!))) : undefined,
    needs[1] ? mul(dy, share(lessEqual(b!, a!), less(b!, a!))) : undefined,
  ],
  reference: (a, b) => Math.min(a, b),
});

/** The larger of two, NaN where either is; where they are equal, each has half of the gradient. @throws {ShapeError} */
export const maximum: Binary = defineElementwise({
  name: 'maximum',
  takes: 'number',
  wgsl: (dtype) => (isFloat(dtype) ? 'maximum(a, b)' : 'max(a, b)'),
  uses: ['ieee754'],
  gradient: ({ inputs: [a, b], dy, needs }) => [
    needs[0] ? mul(dy, share(greaterEqual(a!, b!), greater(a!, b!))) : undefined,
    needs[1] ? mul(dy, share(greaterEqual(b!, a!), greater(b!, a!))) : undefined,
  ],
  reference: (a, b) => Math.max(a, b),
});

/** ½ where only the first holds, 1 where both do. */
const share = (weak: Operand, strong: Operand): Operand => mul(add(weak, strong), 0.5);

/** `x` held within `low` and `high`; outside, and where it is NaN, there is no gradient. @throws {ShapeError} */
export const clamp: ElementwiseOp<[x: Operand, low: Operand, high: Operand]> = defineElementwise({
  name: 'clamp',
  takes: 'number',
  wgsl: (dtype) => (isFloat(dtype) ? 'minimum(maximum(a, b), c)' : 'min(max(a, b), c)'),
  uses: ['ieee754'],
  gradient: ({ inputs: [x, low, high], dy, needs }) => [
    needs[0] ? mul(dy, mul(greaterEqual(x!, low!), lessEqual(x!, high!))) : undefined,
    needs[1] ? mul(dy, less(x!, low!)) : undefined,
    needs[2] ? mul(dy, greater(x!, high!)) : undefined,
  ],
  reference: (x, low, high) => Math.min(Math.max(x, low), high),
});

/** `a + (b − a)·t`: `a` at 0, `b` at 1. @throws {ShapeError} */
export const lerp: ElementwiseOp<[a: Operand, b: Operand, t: Operand]> = defineElementwise({
  name: 'lerp',
  wgsl: 'a + (b - a) * c',
  gradient: ({ inputs: [a, b, t], dy, needs }) => [
    needs[0] ? sub(dy, mul(dy, t!)) : undefined,
    needs[1] ? mul(dy, t!) : undefined,
    needs[2] ? mul(dy, difference(b!, a!)) : undefined,
  ],
  reference: (a, b, t) => a + (b - a) * t,
});

export const difference = (b: Operand, a: Operand): Operand =>
  typeof a === 'number' && typeof b === 'number' ? b - a : sub(b, a);

/** The largest whole number that is not above `x`. Its gradient is 0. */
export const floor: Unary = defineElementwise({
  name: 'floor',
  takes: 'number',
  wgsl: (dtype) => (isFloat(dtype) ? 'nan_if(is_nan(a), floor(a))' : 'a'),
  uses: ['ieee754'],
  gradient: () => [0],
  reference: (x) => Math.floor(x),
});

/** The nearest whole number, halves to the even one. Its gradient is 0. */
export const round: Unary = defineElementwise({
  name: 'round',
  takes: 'number',
  wgsl: (dtype) => (isFloat(dtype) ? 'nan_if(is_nan(a), round(a))' : 'a'),
  uses: ['ieee754'],
  gradient: () => [0],
  reference: (x) => {
    const rest = x - Math.floor(x);
    return rest === 0.5 ? 2 * Math.round(x / 2) : Math.round(x);
  },
});
