// Weight decay apart from the gradient, for optimizers that have none of their own.
import { mul } from '@lockstep/tensor';
import { real, settings } from '../settings/settings.ts';
import { defineOptimizer, type OptimizerValue } from './define-optimizer.ts';

const decaying = defineOptimizer({
  name: 'decayWeights',
  settings: settings({ amount: real({ from: 0, to: 10 }) }),
  update: ({ weight }, { rate, matrix, amount }) => ({
    weight: weight.sub(mul(matrix, amount).mul(weight).mul(rate)),
  }),
});

/**
 * A link of a chain: takes `amount` times the learning rate of every weight off it (Loshchilov & Hutter 2017), of parameters of two or more
 * axes. Before the link that moves weights by their gradients.
 */
export function decayWeights(amount: number): OptimizerValue {
  return decaying({ amount });
}
