// AdamW without a schedule: gradients are taken between the fast weights and their average, which is what is used.
import { lerp, square as squareOf, sqrt, zerosLike } from '@lockstep/tensor';
import { real, settings } from '../settings/settings.ts';
import { defineOptimizer, type OptimizerFactory } from './define-optimizer.ts';
import { power } from './power.ts';

export interface ScheduleFreeSettings {
  /** Where gradients are taken: this share of the way from the fast weights to their average; 0.9 unless given. */
  readonly beta1: number;
  /** Decay of the mean of squared gradients; 0.999 unless given. */
  readonly beta2: number;
  /** 1e-8 unless given. */
  readonly epsilon: number;
  /** How much a parameter of two or more axes shrinks, times the rate, at each step; 0 unless given. */
  readonly weightDecay: number;
  /** Steps over which the rate rises; 0 unless given. The run's schedule is `constant`. */
  readonly warmupSteps: number;
}

/** The rate as a share of its peak. */
const warmth = (step: number, warmupSteps: number): number => Math.min(1, step / Math.max(1, warmupSteps));

/** This step's squared rate over the sum of all so far: the weight of the newest point in the average. */
function newestShare(step: number, warmupSteps: number): number {
  const rising = Math.min(step, warmupSteps);
  const risen = warmupSteps > 0 ? (rising * (rising + 1) * (2 * rising + 1)) / 6 / warmupSteps ** 2 : 0;
  return warmth(step, warmupSteps) ** 2 / (risen + Math.max(0, step - warmupSteps));
}

const schema = settings({
  beta1: real({ from: 0, below: 1 }).default(0.9),
  beta2: real({ from: 0, below: 1 }).default(0.999),
  epsilon: real({ above: 0, to: 1 }).default(1e-8),
  weightDecay: real({ from: 0, to: 10 }).default(0),
  warmupSteps: real({ from: 0, to: 2 ** 31 - 1 }).default(0),
});

/**
 * Schedule-free AdamW (Defazio et al. 2024). `weight` is where gradients are taken; what is used, validated and stored is the `average`.
 * Its schedule is `constant`; it warms up by itself.
 */
export const scheduleFree: OptimizerFactory<Partial<ScheduleFreeSettings>, ScheduleFreeSettings> = defineOptimizer({
  name: 'scheduleFree',
  settings: schema,
  numbers: ({ beta2, warmupSteps }, step) => ({
    correction: 1 - power(beta2, step),
    warm: warmth(step, warmupSteps),
    newest: newestShare(step, warmupSteps),
  }),
  state: (weight) => ({ fast: weight.mul(1), average: weight.mul(1), square: zerosLike(weight) }),
  update({ weight, gradient, fast, average, square }, context) {
    const { rate, matrix, correction, warm, newest, beta1, beta2, epsilon, weightDecay } = context;
    const squares = square.add(
      squareOf(gradient)
        .sub(square)
        .mul(1 - beta2),
    );
    const step = gradient.div(sqrt(squares.div(correction)).add(epsilon));
    const z = fast.sub(step.add(matrix.mul(weightDecay).mul(weight)).mul(rate.mul(warm)));
    const x = average.add(z.sub(average).mul(newest));
    return { weight: lerp(z, x, beta1), fast: z, average: x, square: squares };
  },
  use: 'average',
});
