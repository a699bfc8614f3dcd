// Multiplication by a constant.
import { scale as kernel } from '@lockstep/kernels';
import type { Device } from '../device.ts';
import { defineOp, type Op } from '../op.ts';
import { roundsGrid } from '../rounds.ts';
import type { Tensor } from '../tensor.ts';

export interface ScaleOptions {
  readonly by: number;
}

/** `by * x`. What `by` is cannot change between runs of a captured step. */
export const scale: Op<[x: Tensor], ScaleOptions> = defineOp({
  name: 'scale',
  arity: 1,
  shape: ([x]) => x,
  forward: (device, [x], y, options) => multiply(device, x, y, options),
  backward(device, { dy }, options) {
    const dx = device.empty(dy.shape);
    multiply(device, dy, dx, options);
    return [dx];
  },
});

function multiply(device: Device, x: Tensor, y: Tensor, { by }: ScaleOptions): void {
  device.run(kernel, { x, y }, { size: y.size, by }, roundsGrid(device, kernel, y.size / 4));
}
