// Sums and means over axes.
import { axesOf, type Shape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { broadcastTo } from './broadcast-to.ts';
import { mul } from './arithmetic.ts';
import { cast } from './cast.ts';
import { isFloat } from '../dtype.ts';
import { reduce } from './reduce.ts';

export interface AxisOptions {
  /** Which axes; below 0 they count from the last; all of them unless given. */
  readonly axis?: number | readonly number[];
  /** Leave the axes in the output's shape, with a length of 1. */
  readonly keepAxis?: boolean;
}

/** The sums of `x` over axes. @throws {ShapeError} */
export function sum(x: Tensor, options: AxisOptions = {}): Tensor {
  return scaledSum('sum', x, options, 1);
}

/** The means of `x` over axes; of integers in f32. That of nothing is 0, as the loss of no row is. @throws {ShapeError} */
export function mean(x: Tensor, options: AxisOptions = {}): Tensor {
  const numbers = isFloat(x.dtype) ? x : cast(x, 'f32');
  return scaledSum('mean', numbers, options, 1 / countOf(x.shape, axesOf('mean', x.shape, options.axis)));
}

const countOf = (shape: Shape, axes: readonly number[]): number =>
  axes.reduce((product, axis) => product * shape[axis]!, 1);

function scaledSum(name: string, x: Tensor, { axis, keepAxis = false }: AxisOptions, scale: number): Tensor {
  const axes = axesOf(name, x.shape, axis);
  return reduce(x, {
    name,
    axes,
    keepAxis,
    reducer: { name: 'sum' },
    scale,
    gradient: (dy) => broadcastTo(scale === 1 ? dy : mul(dy, scale), x.shape),
  });
}
