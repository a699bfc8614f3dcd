// Adafactor: of squared gradients of a matrix only means over rows and over columns are kept.
import { div, maximum, mean as meanOf, mul, rsqrt, sqrt, square, type Tensor, zeros } from '@lockstep/tensor';
import { real, settings } from '../settings/settings.ts';
import { defineOptimizer, type OptimizerFactory } from './define-optimizer.ts';

export interface AdafactorSettings {
  /** How fast the memory grows: it keeps 1 − step^−decay; 0.8 unless given. */
  readonly decay: number;
  /** The root mean square that an update has at the most, before the rate; 1 unless given. */
  readonly clip: number;
  /** Added to squares; 1e-30 unless given. */
  readonly epsilon: number;
  /** How much a parameter of two or more axes shrinks, times the rate, at each step; 0 unless given. */
  readonly weightDecay: number;
}

/** step^−decay in f64, rounded to f32's digits: engines differ in the last of f64. */
const share = (decay: number, step: number): number => Math.fround(step ** -decay);

const schema = settings({
  decay: real({ above: 0, to: 1 }).default(0.8),
  clip: real({ above: 0, to: 1e6 }).default(1),
  epsilon: real({ above: 0, to: 1 }).default(1e-30),
  weightDecay: real({ from: 0, to: 10 }).default(0),
});

/**
 * Adafactor (Shazeer & Stern 2018), without momentum and with the schedule's rates: memory of rows plus columns for a matrix, of as many
 * numbers as it has for anything else.
 */
export const adafactor: OptimizerFactory<Partial<AdafactorSettings>, AdafactorSettings> = defineOptimizer({
  name: 'adafactor',
  settings: schema,
  numbers: ({ decay }, step) => ({ fresh: share(decay, step) }),
  state({ device, shape }): Record<string, Tensor> {
    if (shape.length !== 2) return { square: zeros(device, shape) };
    return { rows: zeros(device, [shape[0]!, 1]), columns: zeros(device, [1, shape[1]!]) };
  },
  update({ weight, gradient, ...before }, { rate, matrix, fresh, clip, epsilon, weightDecay }) {
    const squares = square(gradient).add(epsilon);
    const blend = (old: Tensor, now: Tensor): Tensor => old.add(now.sub(old).mul(fresh));
    const state: Record<string, Tensor> = before['square']
      ? { square: blend(before['square'], squares) }
      : {
          rows: blend(before['rows']!, meanOf(squares, { axis: 1, keepAxis: true })),
          columns: blend(before['columns']!, meanOf(squares, { axis: 0, keepAxis: true })),
        };
    const scale = state['square']
      ? rsqrt(state['square'])
      : mul(rsqrt(div(state['rows']!, meanOf(state['rows']!))), rsqrt(state['columns']!));
    const update = mul(gradient, scale);
    const size = sqrt(meanOf(square(update)));
    const clipped = div(update, maximum(div(size, clip), 1));
    return { weight: weight.sub(clipped.add(matrix.mul(weightDecay).mul(weight)).mul(rate)), ...state };
  },
});
