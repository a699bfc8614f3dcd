// The activation of GPT-2's feed-forward layers.
import { geluBackward, gelu as kernel } from '@lockstep/kernels';
import { defineOp, type Op } from '../op.ts';
import { roundsGrid } from '../rounds.ts';
import type { Tensor } from '../tensor.ts';

/** GELU in the form with tanh (GPT-2's `gelu_new`): `x (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2`. Hendrycks & Gimpel 2016. */
export const gelu: Op<[x: Tensor]> = defineOp({
  name: 'gelu',
  arity: 1,
  shape: ([x]) => x,
  forward(device, [x], y) {
    device.run(kernel, { x, y }, { size: y.size }, roundsGrid(device, kernel, y.size / 4));
  },
  backward(device, { inputs: [x], dy }) {
    const dx = device.empty(x.shape);
    device.run(geluBackward, { x, dy, dx }, { size: dx.size }, roundsGrid(device, geluBackward, dx.size / 4));
    return [dx];
  },
});
