// Reductions that are composed of others: products, variances, norms, logarithms of sums.
import { ShapeError } from '@lockstep/errors';
import { axesOf, expectShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { abs, div, mul, sqrt, square, sub } from './arithmetic.ts';
import { equal } from './comparison.ts';
import { exp, log } from './exponential.ts';
import { add } from './arithmetic.ts';
import { broadcastTo } from './broadcast-to.ts';
import { detach } from './detach.ts';
import { isFinite } from './logic.ts';
import { max } from './max.ts';
import { reduce } from './reduce.ts';
import { reshape } from './reshape.ts';
import { type AxisOptions, mean, sum } from './sum.ts';
import { where } from './where.ts';

/** The products of `x` over axes; the gradient is right also where elements are 0. @throws {ShapeError} */
export function prod(x: Tensor, { axis, keepAxis = false }: AxisOptions = {}): Tensor {
  const axes = axesOf('prod', x.shape, axis);
  return reduce(x, {
    name: 'prod',
    reducer: { name: 'prod' },
    axes,
    keepAxis,
    gradient: (dy) => mul(dy, others(x, axes)),
  });
}

/** For each element the product of all others along axes: with one 0 among them, only that one's is not 0. */
function others(x: Tensor, axes: readonly number[]): Tensor {
  const isZero = equal(x, 0);
  const zeros = sum(isZero, { axis: axes, keepAxis: true });
  const rest = prod(where(isZero, 1, x), { axis: axes, keepAxis: true });
  const withoutZeros = div(rest, where(isZero, 1, x));
  return where(equal(zeros, 0), withoutZeros, where(equal(zeros, isZero), broadcastTo(rest, x.shape), 0));
}

export interface VarianceOptions extends AxisOptions {
  /** What is taken off the number of elements by which squares are divided; 1 unless given (Bessel's), 0 for the mean of squares. */
  readonly correction?: number;
}

/** The variances of `x` over axes. @throws {ShapeError} */
export function variance(x: Tensor, { axis, keepAxis = false, correction = 1 }: VarianceOptions = {}): Tensor {
  const axes = axesOf('variance', x.shape, axis);
  const count = axes.reduce((product, one) => product * x.shape[one]!, 1);
  expectShape(count > correction, 'variance', `more than ${correction} elements along the axes`, x.shape);
  const apart = sub(x, mean(x, { axis: axes, keepAxis: true }));
  return mul(sum(square(apart), { axis: axes, keepAxis }), 1 / (count - correction));
}

/** `log Σ exp(x)` over axes, without overflow; −∞ of nothing but −∞. @throws {ShapeError} */
export function logSumExp(x: Tensor, { axis, keepAxis = false }: AxisOptions = {}): Tensor {
  const axes = axesOf('logSumExp', x.shape, axis);
  const most = detach(max(x, { axis: axes, keepAxis: true }));
  const shift = where(isFinite(most), most, 0);
  const whole = add(log(sum(exp(sub(x, shift)), { axis: axes, keepAxis: true })), shift);
  return keepAxis
    ? whole
    : reshape(
        whole,
        x.shape.filter((_, one) => !axes.includes(one)),
      );
}

export interface NormOptions extends AxisOptions {
  /** 2 unless given: the root of the sum of squares; 1: the sum of magnitudes; Infinity: the largest of them. No others. */
  readonly order?: number;
}

/** Norms of `x` over axes. @throws {ShapeError} */
export function norm(x: Tensor, { order = 2, ...options }: NormOptions = {}): Tensor {
  if (![1, 2, Infinity].includes(order)) throw new ShapeError(`norm: expected order 1, 2 or Infinity, got ${order}`);
  if (order === 1) return sum(abs(x), options);
  return order === 2 ? sqrt(sum(square(x), options)) : max(abs(x), options);
}
