// AdamW: steps of a size that adapts to each weight, with weight decay apart from the gradient.
import { adamW as kernel } from '@lockstep/kernels';
import type { Device } from '@lockstep/tensor';
import { type Optimizer, optimizerPieces, type OptimizerTensors, rangesOf, zeros } from './optimizer.ts';

/** AdamW (Loshchilov & Hutter 2017). */
export interface AdamWDescription {
  readonly kind: 'adamW';
  /** Decay of the mean of gradients. */
  readonly beta1: number;
  /** Decay of the mean of squared gradients. */
  readonly beta2: number;
  /** Above 0. */
  readonly epsilon: number;
  readonly weightDecay: number;
  /** Gradients with a larger global norm are scaled down to it; 0 for no limit. */
  readonly clipNorm: number;
  /** Each worker updates, and remembers moments of, its own slice of the weights only; false unless given. Same bits. */
  readonly shard?: boolean | undefined;
}

/** Describes AdamW; what is left out is as GPT-3 has it (Brown et al. 2020, appendix B). */
export function adamW(options: Partial<Omit<AdamWDescription, 'kind'>> = {}): AdamWDescription {
  return { kind: 'adamW', beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1, clipNorm: 1, ...options };
}

export function createAdamW(description: AdamWDescription, device: Device, tensors: OptimizerTensors): Optimizer {
  const { weights, gradients, decay } = tensors;
  const { ranges, size: owned } = rangesOf(tensors);
  const { beta1, beta2, epsilon, weightDecay, clipNorm } = description;
  const [mean, square] = [zeros(device, owned), zeros(device, owned)];
  const [norm, schedule] = [zeros(device, 1), zeros(device, 3)];
  const unsound = device.tensor(Uint32Array.of(0));
  // Differences from 1 are taken here, in f64: f32 would lose half of 1 - 0.999's digits.
  const settings = { blend1: 1 - beta1, blend2: 1 - beta2, epsilon, weight_decay: weightDecay, clip_norm: clipNorm };
  return {
    state: { mean, square },
    norm,
    unsound,
    dispatch() {
      for (const { size, workgroups, block, part, own } of optimizerPieces(device, ranges, kernel)) {
        const bound = { weights: part(weights), gradients: part(gradients), mean: own(mean), square: own(square) };
        const params = { ...settings, size, decay_start: block };
        device.run(kernel, { ...bound, decay, norm, schedule, unsound }, params, workgroups);
      }
    },
    schedule: (step, learningRate) =>
      schedule.write(Float32Array.of(learningRate, 1 - power(beta1, step), 1 - power(beta2, step))),
  };
}

/** base^exponent for whole exponents, by squaring. Engines round `**` differently; products they round alike. */
function power(base: number, exponent: number): number {
  let result = 1;
  for (let square = base, left = exponent; left > 0; left = Math.floor(left / 2), square *= square) {
    if (left % 2 === 1) result *= square;
  }
  return result;
}
