// Softmax over an axis. Attention and crossEntropy hold their own and never store it.
import { softmaxBackward, softmax as kernel } from '@lockstep/kernels';
import { defineOp, type Op } from '../autograd/op.ts';
import { runRows } from '../device/run-rows.ts';
import { axesOf, columnsOf, expectShape, rowsOfAll } from '../shape.ts';
import { transpose } from './permute.ts';
import type { Tensor } from '../tensor.ts';

/** `exp(x) / Σ exp(x)` over an axis, the last unless given. @throws {ShapeError} for a scalar. */
export function softmax(x: Tensor, { axis = -1 }: { readonly axis?: number } = {}): Tensor {
  const [at] = axesOf('softmax', x.shape, axis) as [number];
  const last = x.shape.length - 1;
  return at === last ? ofRows(x) : transpose(ofRows(transpose(x, at, last)), at, last);
}

const ofRows: Op<[x: Tensor]> = defineOp({
  name: 'softmax',
  shards: 'together',
  shape([x]) {
    expectShape(x.length > 0, 'softmax', '(…, C)', x);
    return x;
  },
  forward(device, [x], y) {
    const columns = columnsOf(x.shape);
    runRows(device, kernel, { byRow: { x, y }, rows: rowsOfAll(x), columns, flops: 4 });
  },
  reads: ['y'],
  backward(device, { y, dy, gradient }) {
    const columns = columnsOf(y.shape);
    runRows(device, softmaxBackward, { byRow: { y, dy, dx: gradient(0) }, rows: rowsOfAll(y), columns, flops: 4 });
  },
});
