// Largest and smallest elements along axes, and their places.
import type { Reducer } from '../fuse/reducer.ts';
import { axesOf, expectShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { equal } from './comparison.ts';
import { broadcastTo } from './broadcast-to.ts';
import { along } from './along.ts';
import { reduce } from './reduce.ts';
import type { AxisOptions } from './sum.ts';
import { where } from './where.ts';

/** The maxima of `x` over axes; NaN where there is one. Where several are equal, the gradient is the first one's. @throws {ShapeError} */
export function max(x: Tensor, options: AxisOptions = {}): Tensor {
  return extreme('max', x, options);
}

/** The minima of `x` over axes; NaN where there is one. Where several are equal, the gradient is the first one's. @throws {ShapeError} */
export function min(x: Tensor, options: AxisOptions = {}): Tensor {
  return extreme('min', x, options);
}

export interface ArgOptions {
  /** Which axis; below 0 it counts from the last; the elements of all axes, in order, unless given. */
  readonly axis?: number;
  readonly keepAxis?: boolean;
}

/** The place of the first largest element along an axis, or of the first NaN: u32. @throws {ShapeError} */
export function argmax(x: Tensor, options: ArgOptions = {}): Tensor {
  return place('argmax', x, options);
}

/** The place of the first smallest element along an axis, or of the first NaN: u32. @throws {ShapeError} */
export function argmin(x: Tensor, options: ArgOptions = {}): Tensor {
  return place('argmin', x, options);
}

function place(name: 'argmax' | 'argmin', x: Tensor, { axis, keepAxis = false }: ArgOptions): Tensor {
  return reduce(x, { name, reducer: { name }, axes: nonEmpty(name, x, axis), keepAxis });
}

function extreme(name: 'max' | 'min', x: Tensor, { axis, keepAxis = false }: AxisOptions): Tensor {
  const axes = nonEmpty(name, x, axis);
  const reducer: Reducer = { name };
  const argument = { name: `arg${name}`, reducer: { name: `arg${name}` as const }, axes, keepAxis: true };
  return reduce(x, {
    name,
    reducer,
    axes,
    keepAxis,
    gradient: (dy) => where(equal(along(x, axes), broadcastTo(reduce(x, argument), x.shape)), dy, 0),
  });
}

function nonEmpty(name: string, x: Tensor, axis: AxisOptions['axis']): number[] {
  const axes = axesOf(name, x.shape, axis);
  expectShape(
    axes.every((one) => x.shape[one]! > 0),
    name,
    'elements along the axis',
    x.shape,
  );
  return axes;
}
