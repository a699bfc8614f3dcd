// The activation of GPT-2's feed-forward layers.
import { defineElementwise, type ElementwiseOp, type Operand } from '../autograd/elementwise.ts';

/** GELU in the form with tanh (GPT-2's `gelu_new`): `x (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2`. Hendrycks & Gimpel 2016. */
export const gelu: ElementwiseOp<[x: Operand]> = defineElementwise({
  name: 'gelu',
  wgsl: 'a * gelu_gate(vec4f(a)).x',
  uses: ['gelu'],
  gradient: ({ inputs: [x], dy }) => [geluSlope(x!, dy)],
  reference: (x) => (x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))) / 2,
});

/** `dy` times the derivative of GELU at `x`. */
export const geluSlope: ElementwiseOp<[x: Operand, dy: Operand]> = defineElementwise({
  name: 'gelu_slope',
  wgsl: 'b * gelu_slope(vec4f(a)).x',
  uses: ['gelu'],
  reference: () => NaN,
});
