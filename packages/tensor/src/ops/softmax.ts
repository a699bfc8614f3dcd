// Softmax over the last axis. Attention and crossEntropy hold their own and never store it.
import { softmaxBackward, softmax as kernel } from '@lockstep/kernels';
import { defineOp, type Op } from '../op.ts';
import { rowTeams } from '../row-teams.ts';
import { columnsOf, expectShape, rowsOf } from '../shape.ts';
import type { Tensor } from '../tensor.ts';

/** `exp(x) / Σ exp(x)` over the last axis. @throws {ShapeError} for a scalar. */
export const softmax: Op<[x: Tensor]> = defineOp({
  name: 'softmax',
  arity: 1,
  shape([x]) {
    expectShape(x.length > 0, 'softmax', '(…, C)', x);
    return x;
  },
  forward(device, [x], y) {
    const [rows, columns] = [rowsOf(x.shape), columnsOf(x.shape)];
    const { workgroups, constants } = rowTeams(device, rows, columns);
    device.run(kernel, { x, y }, { rows, columns }, workgroups, constants);
  },
  backward(device, { y, dy }) {
    const [rows, columns] = [rowsOf(y.shape), columnsOf(y.shape)];
    const dx = device.empty(y.shape);
    const { workgroups, constants } = rowTeams(device, rows, columns);
    device.run(softmaxBackward, { y, dy, dx }, { rows, columns }, workgroups, constants);
    return [dx];
  },
});
