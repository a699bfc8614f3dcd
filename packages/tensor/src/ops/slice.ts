// A range of an axis, without a copy; and its inverse, elements before and after those of an axis.
import { defineOp, type Op } from '../autograd/op.ts';
import { axesOf, expectShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { range } from './range.ts';
import { view } from './view.ts';

export interface SliceOptions {
  /** Below 0 it counts from the last. */
  readonly axis: number;
  /** 0 unless given; below 0 it counts from the end. */
  readonly start?: number;
  /** The axis's length unless given; below 0 it counts from the end. */
  readonly end?: number;
}

/** Elements `start` to `end` of an axis. @throws {ShapeError} */
export function slice(x: Tensor, { axis, start = 0, end }: SliceOptions): Tensor {
  const [at] = axesOf('slice', x.shape, axis) as [number];
  const length = x.shape[at]!;
  const place = (index: number): number => (index < 0 ? index + length : index);
  const [from, to] = [place(start), place(end ?? length)];
  const fits = Number.isInteger(from) && Number.isInteger(to) && from >= 0 && from <= to && to <= length;
  expectShape(fits, 'slice', `a range ${start} to ${end ?? length} within axis ${axis}`, x.shape);
  if (from === 0 && to === length) return x;
  const shape = x.shape.with(at, to - from);
  return view(x, {
    name: 'slice',
    shape,
    view: {
      kind: 'axes',
      axes: shape.map((_, i) => ({ to: i, start: i === at ? from : 0, step: 1 })),
      rank: shape.length,
    },
    gradient: (dy) => pad(dy, { axis: at, before: from, after: length - to }),
  });
}

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
