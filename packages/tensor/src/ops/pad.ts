// Elements before and after those of an axis.
import { defineOp, type Op } from '../autograd/op.ts';
import { axesOf, expectShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { range } from './range.ts';
import { slice } from './slice.ts';

export interface PadOptions {
  /** Below 0 it counts from the last. */
  readonly axis: number;
  readonly before?: number;
  readonly after?: number;
  /** What is put there; 0 unless given. */
  readonly value?: number;
}

/** `x` with more elements before and after those of an axis. @throws {ShapeError} */
export const pad: Op<[x: Tensor], PadOptions> = defineOp({
  name: 'pad',
  shards: 'together',
  anyLayout: [0],
  shape([x], { axis, before = 0, after = 0 }) {
    const [at] = axesOf('pad', x, axis) as [number];
    const isCount = (count: number): boolean => Number.isInteger(count) && count >= 0;
    expectShape(
      isCount(before) && isCount(after),
      'pad',
      `numbers of elements before and after, not ${before} and ${after},`,
      x,
    );
    return x.with(at, x[at]! + before + after);
  },
  forward(device, [x], y, { axis, before = 0, value = 0 }) {
    const at = axis < 0 ? axis + x.shape.length : axis;
    device.fill(y, value);
    device.copy(x, range(y, at, { start: before, length: x.shape[at]! }));
  },
  gradient: ({ inputs: [x], dy }, { axis, before = 0 }) => {
    const at = axis < 0 ? axis + x.shape.length : axis;
    return [slice(dy, { axis, start: before, end: before + x.shape[at]! })];
  },
});
