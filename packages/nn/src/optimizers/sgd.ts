// Stochastic gradient descent with momentum.
import { sgd as kernel } from '@lockstep/kernels';
import { roundsGrid, zerosLike } from '@lockstep/tensor';
import { real, settings } from '../settings/settings.ts';
import { clipScale } from './clip.ts';
import { defineOptimizer, type OptimizerFactory } from './define-optimizer.ts';

/** Plain gradient descent, unless momentum, decay or clipping is asked for. */
export interface SgdSettings {
  /** 0 unless given. */
  readonly momentum: number;
  /** How much of a parameter of two or more axes is added to its gradient; 0 unless given. */
  readonly weightDecay: number;
  /** Gradients with a larger norm are scaled down to it; 0, which is no limit, unless given. */
  readonly clipNorm: number;
}

const schema = settings({
  momentum: real({ from: 0, below: 1 }).default(0),
  weightDecay: real({ from: 0, to: 10 }).default(0),
  clipNorm: real({ from: 0, to: 1e6 }).default(0),
});

/** Stochastic gradient descent with heavy-ball momentum (Sutskever et al. 2013, in PyTorch's form) and weight decay within the gradient. */
export const sgd: OptimizerFactory<Partial<SgdSettings>, SgdSettings> = defineOptimizer({
  name: 'sgd',
  settings: schema,
  state: (weight) => ({ velocity: zerosLike(weight) }),
  update({ weight, gradient, velocity }, { rate, norm, matrix, momentum, weightDecay, clipNorm }) {
    const clipped = clipNorm > 0 ? gradient.mul(clipScale(norm, clipNorm)) : gradient;
    const v = velocity.mul(momentum).add(clipped.add(matrix.mul(weightDecay).mul(weight)));
    return { weight: weight.sub(v.mul(rate)), velocity: v };
  },
  fused(device, tensors, { momentum, weightDecay, clipNorm }, { size, block }) {
    const { weight: weights, gradient: gradients, velocity, matrix: decay, norm, schedule, unsound } = tensors;
    const params = { size, momentum, weight_decay: weightDecay, clip_norm: clipNorm, decay_start: block };
    const bound = { weights, gradients, velocity, decay, norm, schedule, unsound };
    // Three numbers of each weight are read, and two written again.
    const work = { flops: 7 * size, bytes: 20 * size };
    device.run(kernel, bound, params, roundsGrid(device, kernel, size / 4), {}, work);
    return true;
  },
});
