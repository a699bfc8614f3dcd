// AdamW: steps of a size that adapts to each weight, with weight decay apart from the gradient.
import { adamW as kernel } from '@lockstep/kernels';
import { roundsGrid, zerosLike } from '@lockstep/tensor';
import { real, settings } from '../settings/settings.ts';
import { clipScale } from './clip.ts';
import { defineOptimizer, type OptimizerFactory } from './define-optimizer.ts';
import { power } from './power.ts';

/** What is left out is as GPT-3 has it (Brown et al. 2020, appendix B). */
export interface AdamWSettings {
  /** Decay of the mean of gradients; 0.9 unless given. */
  readonly beta1: number;
  /** Decay of the mean of squared gradients; 0.95 unless given. */
  readonly beta2: number;
  /** Above 0; 1e-8 unless given. */
  readonly epsilon: number;
  /** How much a parameter of two or more axes shrinks, times the rate, at each step; 0.1 unless given. */
  readonly weightDecay: number;
  /** Gradients with a larger norm are scaled down to it; 0 for no limit, 1 unless given. */
  readonly clipNorm: number;
}

const zeroToOne = real({ from: 0, below: 1 });

const schema = settings({
  beta1: zeroToOne.default(0.9),
  beta2: zeroToOne.default(0.95),
  epsilon: real({ above: 0, to: 1 }).default(1e-8),
  weightDecay: real({ from: 0, to: 10 }).default(0.1),
  clipNorm: real({ from: 0, to: 1e6 }).default(1),
});

/** AdamW (Loshchilov & Hutter 2017). */
export const adamW: OptimizerFactory<Partial<AdamWSettings>, AdamWSettings> = defineOptimizer({
  name: 'adamW',
  settings: schema,
  numbers: ({ beta1, beta2 }, step) => ({ correction1: 1 - power(beta1, step), correction2: 1 - power(beta2, step) }),
  state: (weight) => ({ mean: zerosLike(weight), square: zerosLike(weight) }),
  update({ weight, gradient, mean, square }, context) {
    const { rate, norm, matrix, correction1, correction2, beta1, beta2, epsilon, weightDecay, clipNorm } = context;
    const g = clipNorm > 0 ? gradient.mul(clipScale(norm, clipNorm)) : gradient;
    // Differences from 1 are taken in f64: f32 would lose half of 1 - 0.999's digits.
    const m = mean.add(g.sub(mean).mul(1 - beta1));
    const v = square.add(
      g
        .square()
        .sub(square)
        .mul(1 - beta2),
    );
    const update = m.div(correction1).div(v.div(correction2).sqrt().add(epsilon));
    return { weight: weight.sub(update.add(matrix.mul(weightDecay).mul(weight)).mul(rate)), mean: m, square: v };
  },
  fused(device, tensors, { beta1, beta2, epsilon, weightDecay, clipNorm }, { size, block }) {
    const { weight: weights, gradient: gradients, mean, square, matrix: decay, norm, schedule, unsound } = tensors;
    const rates = { blend1: 1 - beta1, blend2: 1 - beta2, epsilon };
    const params = { size, ...rates, weight_decay: weightDecay, clip_norm: clipNorm, decay_start: block };
    const bound = { weights, gradients, mean, square, decay, norm, schedule, unsound };
    // Four numbers of each weight are read, and three written again.
    const work = { flops: 16 * size, bytes: 28 * size };
    device.run(kernel, bound, params, roundsGrid(device, kernel, size / 4), {}, work);
    return true;
  },
});
