// Means of numbers that count by different weights. What such a mean is made of stays known, so that a loss over several shards
// can be divided by the weights of all of them.
import { expectShape, sameShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { div, mul } from './arithmetic.ts';
import { cast } from './cast.ts';
import { greater } from './comparison.ts';
import { sum } from './sum.ts';
import { where } from './where.ts';

/** `numerator / weight`; the mean of nothing is 0. */
export interface WeightedMean {
  readonly numerator: Tensor; // ()
  readonly weight: Tensor; // ()
}

const means = new WeakMap<Tensor, WeightedMean>();

/** What a tensor is the mean of, if {@link weightedMean} made it. */
export function partsOfMean(tensor: Tensor): WeightedMean | undefined {
  return means.get(tensor);
}

/**
 * `Σ values·weights / Σ weights`, a scalar; 0 where the weights add up to 0. What has the weight 0 adds nothing, not even what is no
 * number.
 *
 * Over a batch that is cut into shards this is each shard's own mean; a loss or a metric that *is* such a mean, and not something
 * computed of it, is that of the whole batch.
 * @param weights of the shape of `values`, of f32 or u32, not below 0
 * @throws {ShapeError}
 */
export function weightedMean(values: Tensor, weights: Tensor): Tensor {
  const fits = sameShape(values.shape, weights.shape);
  expectShape(fits, 'weightedMean', 'weights of the shape of the values', values.shape, weights.shape);
  const numbers = weights.dtype === 'f32' ? weights : cast(weights, 'f32');
  return meanOf({ numerator: sum(where(greater(numbers, 0), mul(values, numbers), 0)), weight: sum(numbers) });
}

/** The mean that is made of these two. */
export function meanOf(parts: WeightedMean): Tensor {
  const { numerator, weight } = parts;
  // A weight below 1 is a weight; only that of nothing may not divide.
  const y = div(numerator, where(greater(weight, 0), weight, 1));
  means.set(y, parts);
  return y;
}
