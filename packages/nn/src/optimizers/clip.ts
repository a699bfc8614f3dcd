// Clipping by the norm of the whole gradient (Pascanu et al. 2013), in the form of PyTorch's clip_grad_norm_.
import { add, div, minimum, mul, type Tensor } from '@lockstep/tensor';
import { real, settings } from '../settings/settings.ts';
import { defineOptimizer, type OptimizerValue } from './define-optimizer.ts';

/** By what a gradient is multiplied so that its norm is at most `limit`. */
export function clipScale(norm: Tensor, limit: number): Tensor {
  return minimum(div(limit, add(norm, 1e-6)), 1);
}

const clip = defineOptimizer({
  name: 'clipByGlobalNorm',
  settings: settings({ limit: real({ above: 0, to: 1e6 }) }),
  update({ gradient }, { norm, limit }) {
    const scale = clipScale(norm, limit);
    return { gradient: mul(gradient, scale), norm: mul(norm, scale) };
  },
});

/**
 * A link of a chain: gradients with a larger norm are scaled down to it. The norm is that of all parameters, or, inside a group, of
 * the group's.
 */
export function clipByGlobalNorm(limit: number): OptimizerValue {
  return clip({ limit });
}
