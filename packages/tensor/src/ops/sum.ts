// Sums over an axis.
import { broadcastAxis } from '@lockstep/kernels';
import { type AxisOptions, splitAxis, withoutAxis } from '../axis.ts';
import { sumAxis } from '../column-sums.ts';
import type { Device } from '../device.ts';
import { defineOp, type Op } from '../op.ts';
import type { Tensor } from '../tensor.ts';

/**
 * The sums of `x` over an axis. Over the first axis, which holds the rows of all shards, it is the sum of this pass alone.
 * @throws {ShapeError}
 */
export const sum: Op<[x: Tensor], AxisOptions> = defineOp({
  name: 'sum',
  arity: 1,
  shape: ([x], options) => withoutAxis('sum', x, options),
  forward: (device, [x], y, options) => sumAxis(device, x, y, { ...splitAxis(x.shape, options), scale: 1 }),
  backward: (device, { inputs: [x], dy }, options) => [spread(device, dy, x, options, 1)],
});

/** A gradient handed to every element along the axis, times `scale`. */
export function spread(device: Device, dy: Tensor, x: Tensor, options: AxisOptions, scale: number): Tensor {
  const dx = device.empty(x.shape);
  const workgroups = device.grid(dx.size / broadcastAxis.constants.lanes);
  device.run(broadcastAxis, { x: dy, y: dx }, { ...splitAxis(x.shape, options), scale }, workgroups);
  return dx;
}
