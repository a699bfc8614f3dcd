// Sums over an axis.
import { type AxisOptions, splitAxis, withoutAxis } from '../axis.ts';
import { broadcast } from '../broadcast.ts';
import { sumAxis } from '../column-sums.ts';
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
  backward: (device, { inputs: [x], dy }, options) => [broadcast(device, dy, x, options, 1)],
});
