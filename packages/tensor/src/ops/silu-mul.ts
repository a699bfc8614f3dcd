// The gated activation of Llama's feed-forward layers.
import { defineElementwise, type ElementwiseOp, type Operand } from '../autograd/elementwise.ts';

/** `silu(gate) * up`, where `silu(g) = g / (1 + exp(−g))`. Shazeer 2020 (SwiGLU). @throws {ShapeError} */
export const siluMul: ElementwiseOp<[gate: Operand, up: Operand]> = defineElementwise({
  name: 'siluMul',
  wgsl: 'a * sigmoid(sigmoid_exponential(vec4f(a))).x * b',
  uses: ['ieee754', 'sigmoid'],
  gradient: ({ inputs: [gate, up], dy, needs }) => [
    needs[0] ? gateSlope(gate!, up!, dy) : undefined,
    needs[1] ? siluMul(gate!, dy) : undefined,
  ],
  reference: (gate, up) => (gate / (1 + Math.exp(-gate))) * up,
});

/** `dy · up` times the derivative of silu at `gate`. */
const gateSlope: ElementwiseOp<[gate: Operand, up: Operand, dy: Operand]> = defineElementwise({
  name: 'silu_slope',
  wgsl: 'c * b * (sigmoid(sigmoid_exponential(vec4f(a))).x * (1.0 + a * (1.0 - sigmoid(sigmoid_exponential(vec4f(a))).x)))',
  uses: ['ieee754', 'sigmoid'],
  reference: () => NaN,
});
