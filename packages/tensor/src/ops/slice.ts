// A range of an axis, without a copy.
import { axesOf, expectShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { pad } from './pad.ts';
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
