// Activations: what layers put between their products.
import { defineElementwise, type ElementwiseOp, type Operand } from '../autograd/elementwise.ts';
import type { Tensor } from '../tensor.ts';
import { add, mul, neg, square, sub } from './arithmetic.ts';
import { greater } from './comparison.ts';
import { exp } from './exponential.ts';

type Unary = ElementwiseOp<[x: Operand]>;

/** `max(x, 0)`; NaN of NaN. The gradient at 0 is 0. */
export const relu: Unary = defineElementwise({
  name: 'relu',
  takes: 'number',
  wgsl: (dtype) => (dtype === 'u32' ? 'a' : dtype === 'i32' ? 'max(a, 0)' : 'maximum(a, 0.0)'),
  uses: ['ieee754'],
  gradient: ({ inputs: [x], dy }) => [mul(dy, greater(x!, 0))],
  reference: (x) => Math.max(x, 0),
});

/** `1 / (1 + exp(−x))`. */
export const sigmoid: Unary = defineElementwise({
  name: 'sigmoid',
  wgsl: 'logistic(a)',
  uses: ['ieee754', 'logistic'],
  gradient: ({ y, dy }) => [mul(dy, mul(y, sub(1, y)))],
  reference: (x) => 1 / (1 + Math.exp(-x)),
});

/** The hyperbolic tangent of each element; the shape stays. */
export const tanh: Unary = defineElementwise({
  name: 'tanh',
  wgsl: 'hyperbolic_tangent(a)',
  uses: ['ieee754', 'hyperbolic'],
  gradient: ({ y, dy }) => [mul(dy, sub(1, square(y)))],
  reference: (x) => Math.tanh(x),
});

/** `x / (1 + exp(−x))`, also called swish. Elfwing et al. 2017. */
export const silu: Unary = defineElementwise({
  name: 'silu',
  wgsl: 'a * logistic(a)',
  uses: ['ieee754', 'logistic'],
  gradient: ({ inputs: [x], dy }) => [siluSlope(x!, dy)],
  reference: (x) => x / (1 + Math.exp(-x)),
});

/** `dy` times the derivative of silu at `x`. */
const siluSlope: ElementwiseOp<[x: Operand, dy: Operand]> = defineElementwise({
  name: 'silu_slope',
  wgsl: 'b * (logistic(a) * (1.0 + a * logistic(-a)))',
  uses: ['ieee754', 'logistic'],
  reference: () => NaN,
});

/** `log(1 + exp(x))`. */
export const softplus: Unary = defineElementwise({
  name: 'softplus',
  wgsl: 'soft_plus(a)',
  uses: ['ieee754', 'logistic'],
  gradient: ({ inputs: [x], dy }) => [mul(dy, sigmoid(x!))],
  reference: (x) => Math.log1p(Math.exp(-Math.abs(x))) + Math.max(x, 0),
});

/** The error function, within 2e-7. */
export const erf: Unary = defineElementwise({
  name: 'erf',
  wgsl: 'error_function(a)',
  uses: ['ieee754', 'error_function'],
  gradient: ({ inputs: [x], dy }) => [mul(dy, mul(exp(neg(square(x!))), 2 / Math.sqrt(Math.PI)))],
  reference: (x) => referenceErf(x),
});

export interface GeluOptions {
  /** The form with the error function, instead of that with tanh. */
  readonly exact?: boolean;
}

/**
 * GELU in the form with tanh (GPT-2's `gelu_new`), `x (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2`, or exactly, `x (1 + erf(x/√2)) / 2`.
 * Hendrycks & Gimpel 2016.
 */
export function gelu(x: Tensor, { exact = false }: GeluOptions = {}): Tensor {
  return exact ? mul(mul(x, add(erf(mul(x, Math.SQRT1_2)), 1)), 0.5) : geluByTanh(x);
}

const geluByTanh: Unary = defineElementwise({
  name: 'gelu',
  wgsl: 'a * gelu_gate(vec4f(a)).x',
  uses: ['gelu'],
  gradient: ({ inputs: [x], dy }) => [geluSlope(x!, dy)],
  reference: (x) => (x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))) / 2,
});

/** `dy` times the derivative of GELU, in the form with tanh, at `x`. */
export const geluSlope: ElementwiseOp<[x: Operand, dy: Operand]> = defineElementwise({
  name: 'gelu_slope',
  wgsl: 'b * gelu_slope(vec4f(a)).x',
  uses: ['gelu'],
  reference: () => NaN,
});

/** `limit · tanh(x / limit)`: hardly changed where small, never beyond `limit`. Gemma Team 2024. */
export function capped(x: Tensor, limit: number): Tensor {
  return mul(tanh(mul(x, 1 / limit)), limit);
}

/** By its series, whose terms in f64 are enough for arguments of the checker. */
function referenceErf(x: number): number {
  if (!Number.isFinite(x)) return Number.isNaN(x) ? NaN : Math.sign(x);
  if (Math.abs(x) > 6) return Math.sign(x);
  let [term, sum] = [x, x];
  for (let n = 1; n < 200; n++) {
    term *= -(x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}
