// Stochastic gradient descent with momentum.
import { sgd as kernel } from '@lockstep/kernels';
import { type Device, euclideanNorm } from '@lockstep/tensor';
import { type Optimizer, optimizerPieces, type OptimizerTensors, zeros } from './optimizer.ts';

/** Stochastic gradient descent with heavy-ball momentum (Sutskever et al. 2013, in PyTorch's form) and weight decay within the gradient. */
export interface SgdDescription {
  readonly kind: 'sgd';
  readonly momentum: number;
  readonly weightDecay: number;
  /** Gradients with a larger global norm are scaled down to it; 0 for no limit. */
  readonly clipNorm: number;
}

/** Describes plain gradient descent, unless momentum, decay or clipping is asked for. */
export function sgd(options: Partial<Omit<SgdDescription, 'kind'>> = {}): SgdDescription {
  return { kind: 'sgd', momentum: 0, weightDecay: 0, clipNorm: 0, ...options };
}

export function createSgd(
  description: SgdDescription,
  device: Device,
  { weights, gradients, decay }: OptimizerTensors,
): Optimizer {
  const { momentum, weightDecay, clipNorm } = description;
  const velocity = zeros(device, weights.size);
  const [norm, schedule] = [zeros(device, 1), zeros(device, 1)];
  const settings = { momentum, weight_decay: weightDecay, clip_norm: clipNorm };
  return {
    state: { velocity },
    norm,
    dispatch() {
      euclideanNorm(device, device.view(gradients, 0, [weights.size]), norm);
      for (const { size, workgroups, part, blocks } of optimizerPieces(device, weights.size, kernel)) {
        const tensors = {
          weights: part(weights),
          gradients: part(gradients),
          velocity: part(velocity),
          decay: blocks(decay),
        };
        device.run(kernel, { ...tensors, norm, schedule }, { ...settings, size }, workgroups);
      }
    },
    schedule: (_step, learningRate) => schedule.write(Float32Array.of(learningRate)),
  };
}
