// The gated activation of Llama's feed-forward layers.
import { siluMulBackward, siluMul as kernel } from '@lockstep/kernels';
import { defineOp, type Op } from '../op.ts';
import { expectShape, sameShape } from '../shape.ts';
import { roundsGrid } from '../rounds.ts';
import type { Tensor } from '../tensor.ts';

/** `silu(gate) * up` of equal shapes, where `silu(g) = g / (1 + exp(−g))`. Shazeer 2020 (SwiGLU). @throws {ShapeError} */
export const siluMul: Op<[gate: Tensor, up: Tensor]> = defineOp({
  name: 'siluMul',
  arity: 2,
  shape([gate, up]) {
    expectShape(sameShape(gate, up), 'siluMul', 'equal shapes', gate, up);
    return gate;
  },
  forward(device, [gate, up], y) {
    device.run(kernel, { gate, up, y }, { size: y.size }, roundsGrid(device, kernel, y.size / 4));
  },
  backward(device, { inputs: [gate, up], dy }) {
    const [dgate, dup] = [device.empty(gate.shape), device.empty(up.shape)];
    const workgroups = roundsGrid(device, siluMulBackward, dy.size / 4);
    device.run(siluMulBackward, { gate, up, dy, dgate, dup }, { size: dy.size }, workgroups);
    return [dgate, dup];
  },
});
