// The activation of GPT-2's feed-forward layers.
import { geluBackward, gelu as kernel } from '@lockstep/kernels';
import type { Device } from '../device.ts';
import { defineOp, type Op } from '../op.ts';
import type { Tensor } from '../tensor.ts';

/** GELU in the form with tanh (GPT-2's `gelu_new`): `x (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2`. Hendrycks & Gimpel 2016. */
export const gelu: Op<[x: Tensor]> = defineOp({
  name: 'gelu',
  arity: 1,
  shape: ([x]) => x,
  forward(device, [x], y) {
    device.run(kernel, { x, y }, { size: y.size }, device.grid(y.size / (4 * kernel.constants.lanes)));
  },
  backward(device, { inputs: [x], dy }) {
    const dx = device.empty(x.shape);
    geluGradient(device, x, dy, dx);
    return [dx];
  },
});

/** dx = dy * gelu'(x), for `gelu` and for the matmul that applies it to its result. */
export function geluGradient(device: Device, x: Tensor, dy: Tensor, dx: Tensor): void {
  device.run(geluBackward, { x, dy, dx }, { size: x.size }, device.grid(x.size / (4 * geluBackward.constants.lanes)));
}
