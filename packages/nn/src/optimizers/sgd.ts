// Stochastic gradient descent with momentum.
import { sgd as kernel } from '@lockstep/kernels';
import type { Device } from '@lockstep/tensor';
import { type Optimizer, optimizerPieces, type OptimizerTensors, rangesOf, zeros } from './optimizer.ts';

/** Stochastic gradient descent with heavy-ball momentum (Sutskever et al. 2013, in PyTorch's form) and weight decay within the gradient. */
export interface SgdDescription {
  readonly kind: 'sgd';
  readonly momentum: number;
  readonly weightDecay: number;
  /** Gradients with a larger global norm are scaled down to it; 0 for no limit. */
  readonly clipNorm: number;
  /** Each worker updates, and remembers the velocity of, its own slice of the weights only; false unless given. Same bits. */
  readonly shard?: boolean | undefined;
}

/** Describes plain gradient descent, unless momentum, decay or clipping is asked for. */
export function sgd(options: Partial<Omit<SgdDescription, 'kind'>> = {}): SgdDescription {
  return { kind: 'sgd', momentum: 0, weightDecay: 0, clipNorm: 0, ...options };
}

export function createSgd(description: SgdDescription, device: Device, tensors: OptimizerTensors): Optimizer {
  const { weights, gradients, decay } = tensors;
  const { ranges, size: owned } = rangesOf(tensors);
  const { momentum, weightDecay, clipNorm } = description;
  const velocity = zeros(device, owned);
  const [norm, schedule] = [zeros(device, 1), zeros(device, 1)];
  const unsound = device.tensor(Uint32Array.of(0));
  const settings = { momentum, weight_decay: weightDecay, clip_norm: clipNorm };
  return {
    state: { velocity },
    norm,
    unsound,
    dispatch() {
      for (const { size, workgroups, block, part, own } of optimizerPieces(device, ranges, kernel)) {
        const bound = { weights: part(weights), gradients: part(gradients), velocity: own(velocity) };
        const params = { ...settings, size, decay_start: block };
        device.run(kernel, { ...bound, decay, norm, schedule, unsound }, params, workgroups);
      }
    },
    schedule: (_step, learningRate) => schedule.write(Float32Array.of(learningRate)),
  };
}
