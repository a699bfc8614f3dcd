// Losses that are composed of other ops.
import { expectShape, sameShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { mul, square, sub } from './arithmetic.ts';
import { exp } from './exponential.ts';
import { logSoftmax } from './log-softmax.ts';
import { mean, sum } from './sum.ts';

/** The mean of squared differences of equal shapes: a scalar. @throws {ShapeError} */
export function mse(x: Tensor, target: Tensor): Tensor {
  expectShape(sameShape(x.shape, target.shape), 'mse', 'equal shapes', x.shape, target.shape);
  return mean(square(sub(x, target)));
}

export interface KullbackLeiblerOptions {
  /** By what both scores are divided; the result is multiplied by its square, so that gradients keep their size. Hinton et al. 2015. */
  readonly temperature?: number;
}

/**
 * How far the distributions that `scores` (…, V) stand for are from those of `target` (…, V), both before a softmax: the mean over rows
 * of `Σ p (log p − log q)`, a scalar. @throws {ShapeError}
 */
export function kullbackLeibler(
  target: Tensor,
  scores: Tensor,
  { temperature = 1 }: KullbackLeiblerOptions = {},
): Tensor {
  expectShape(sameShape(target.shape, scores.shape), 'kullbackLeibler', 'equal shapes', target.shape, scores.shape);
  const [p, q] = [target, scores].map((one) => logSoftmax(temperature === 1 ? one : mul(one, 1 / temperature))) as [
    Tensor,
    Tensor,
  ];
  const rows = sum(mul(exp(p), sub(p, q)), { axis: -1 });
  return mul(mean(rows), temperature ** 2);
}
