// Maxima over an axis.
import { maxAxisBackward, maxAxis as kernel } from '@lockstep/kernels';
import { type AxisOptions, splitAxis, withoutAxis } from '../axis.ts';
import { defineOp, type Op } from '../op.ts';
import { roundsGrid } from '../rounds.ts';
import { rowTeams } from '../row-teams.ts';
import { expectShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';

/**
 * The maxima of `x` over an axis of at most 2²⁴ elements; where several are equal, the gradient is the first one's. Over
 * the first axis, which holds the rows of all shards, it is the maximum of this pass alone. @throws {ShapeError}
 */
export const max: Op<[x: Tensor], AxisOptions> = defineOp({
  name: 'max',
  arity: 1,
  shape([x], options) {
    const shape = withoutAxis('max', x, options);
    expectShape(splitAxis(x, options).length <= 2 ** 24, 'max', 'at most 2^24 elements along the axis', x);
    return shape;
  },
  forward(device, [x], y, options) {
    const axis = splitAxis(x.shape, options);
    const at = device.empty(y.shape, 'u32');
    const { workgroups, constants } = rowTeams(device, y.size, axis.length);
    device.run(kernel, { x, y, at }, axis, workgroups, constants);
    return [at];
  },
  backward(device, { inputs: [x], saved, dy }, options) {
    const dx = device.empty(x.shape);
    const workgroups = roundsGrid(device, maxAxisBackward, dx.size);
    device.run(maxAxisBackward, { dy, at: saved[0]!, dx }, splitAxis(x.shape, options), workgroups);
    return [dx];
  },
});
