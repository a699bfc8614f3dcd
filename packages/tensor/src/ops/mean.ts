// Means over an axis.
import { type AxisOptions, splitAxis, withoutAxis } from '../axis.ts';
import { broadcast } from '../broadcast.ts';
import { sumAxis } from '../column-sums.ts';
import { defineOp, type Op } from '../op.ts';
import type { Shape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';

const share = (shape: Shape, options: AxisOptions): number => 1 / splitAxis(shape, options).length;

/**
 * The means of `x` over an axis. Over the first axis, which holds the rows of all shards, it is the mean of this pass alone.
 * @throws {ShapeError}
 */
export const mean: Op<[x: Tensor], AxisOptions> = defineOp({
  name: 'mean',
  arity: 1,
  shape: ([x], options) => withoutAxis('mean', x, options),
  forward: (device, [x], y, options) =>
    sumAxis(device, x, y, { ...splitAxis(x.shape, options), scale: share(x.shape, options) }),
  backward: (device, { inputs: [x], dy }, options) => [broadcast(device, dy, x, options, share(x.shape, options))],
});
