// Softmax over the last axis. Attention and crossEntropy hold their own and never store it.
import { softmaxBackward, softmax as kernel } from '@lockstep/kernels';
import { defineOp, type Op } from '../autograd/op.ts';
import { rowTeams } from '../device/row-teams.ts';
import { columnsOf, expectShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';

/** `exp(x) / Σ exp(x)` over the last axis. @throws {ShapeError} for a scalar. */
export const softmax: Op<[x: Tensor]> = defineOp({
  name: 'softmax',
  shards: 'together',
  shape([x]) {
    expectShape(x.length > 0, 'softmax', '(…, C)', x);
    return x;
  },
  forward(device, [x], y) {
    const columns = columnsOf(x.shape);
    const rows = x.count / columns;
    const { workgroups, constants } = rowTeams(device, rows, columns);
    device.run(kernel, { x, y }, { rows, columns }, workgroups, constants);
  },
  reads: ['y'],
  backward(device, { y, dy, gradient }) {
    const columns = columnsOf(y.shape);
    const rows = y.count / columns;
    const { workgroups, constants } = rowTeams(device, rows, columns);
    device.run(softmaxBackward, { y, dy, dx: gradient(0) }, { rows, columns }, workgroups, constants);
  },
});
