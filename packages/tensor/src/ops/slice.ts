// A range of an axis, without a copy; and its inverse, elements before and after those of an axis.
import type { ScalarFunction } from '../fuse/scalar-function.ts';
import { compute, recorderOf } from '../graph/recorder.ts';
import { axesOf, expectShape, type Shape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { along } from './along.ts';
import { view } from './view.ts';

/** Which elements along an axis `slice` takes. */
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

/** `x` with more elements before and after those of an axis, without a copy. @throws {ShapeError} */
export function pad(x: Tensor, { axis, before = 0, after = 0, value = 0 }: PadOptions): Tensor {
  const [at] = axesOf('pad', x.shape, axis) as [number];
  const isCount = (count: number): boolean => Number.isInteger(count) && count >= 0;
  const rule = `numbers of elements before and after, not ${before} and ${after},`;
  expectShape(isCount(before) && isCount(after), 'pad', rule, x.shape);
  const length = x.shape[at]!;
  if (before + after === 0) return x;
  const form = { shape: x.shape.with(at, length + before + after), dtype: x.dtype, shards: x.shards };
  const recorder = recorderOf('pad', [x]);
  const place = along({ device: recorder, shape: form.shape }, [at]);
  const other = { value, dtype: x.dtype };
  const constants = [before, length].map((one) => ({ value: one, dtype: 'u32' as const }));
  return compute(recorder, {
    name: 'pad',
    form,
    node: {
      kind: 'elementwise',
      function: padded,
      inputs: [x.size === 0 ? other : beyond(x, { axis: at, before, shape: form.shape }), place, ...constants, other],
    },
    inputs: [x],
    gradient: (dy) => [slice(dy, { axis: at, start: before, end: before + length })],
  });
}

/** `a` where the place `b` lies from `c` on, before `c + d`; else `e`. */
const padded: ScalarFunction = {
  name: 'pad',
  wgsl: () => 'select(e, a, b - c < d)',
  dtype: ([x]) => x!,
};

/** `x` seen with indices that it has not. */
function beyond(
  x: Tensor,
  { axis, before, shape }: { readonly axis: number; readonly before: number; readonly shape: Shape },
): Tensor {
  return view(x, {
    name: 'pad',
    shape,
    view: {
      kind: 'axes',
      axes: shape.map((_, i) => ({ to: i, start: i === axis ? -before : 0, step: 1 })),
      rank: shape.length,
      within: [x.shards ?? 1, ...x.shape],
    },
    gradient: (dy) => slice(dy, { axis, start: before, end: before + x.shape[axis]! }),
  });
}
