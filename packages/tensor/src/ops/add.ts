// Elementwise sum; the residual connections of a transformer.
import { add as kernel } from '@lockstep/kernels';
import { defineOp, type Op } from '../op.ts';
import { roundsGrid } from '../rounds.ts';
import { expectShape, sameShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';

/** `a + b` of equal shapes. @throws {ShapeError} */
export const add: Op<[a: Tensor, b: Tensor]> = defineOp({
  name: 'add',
  arity: 2,
  shape([a, b]) {
    expectShape(sameShape(a, b), 'add', 'equal shapes', a, b);
    return a;
  },
  forward(device, [a, b], y) {
    device.run(kernel, { a, b, y }, { size: y.size }, roundsGrid(device, kernel, y.size / 4));
  },
  // d(a + b)/da = d(a + b)/db = 1
  backward: (_device, { dy }) => [dy, dy],
});
