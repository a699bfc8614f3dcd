// An average of the weights over the last steps, which is used in their place.
import { real, settings } from '../settings/settings.ts';
import { defineOptimizer, type OptimizerValue } from './define-optimizer.ts';

const averaging = defineOptimizer({
  name: 'ema',
  settings: settings({ decay: real({ from: 0, below: 1 }) }),
  state: (weight) => ({ average: weight.mul(1) }),
  // The difference from 1 is taken in f64: f32 would lose half of 1 - 0.9999's digits.
  update: ({ weight, average }, { decay }) => ({ average: average.add(weight.sub(average).mul(1 - decay)) }),
  use: 'average',
});

/**
 * The last link of a chain: an exponential moving average of the weights, `decay` of which stays at each step (Polyak & Juditsky 1992).
 * Validation, samples and the stored model take the average; checkpoints hold both.
 */
export function ema(decay: number): OptimizerValue {
  return averaging({ decay });
}
