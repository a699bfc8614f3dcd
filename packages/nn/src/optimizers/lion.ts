// Lion: one moment, and a step of equal size for every weight.
import { lerp, sign, zerosLike } from '@lockstep/tensor';
import { real, settings } from '../settings/settings.ts';
import { defineOptimizer, type OptimizerFactory } from './define-optimizer.ts';

export interface LionSettings {
  /** Share of the memory in the step; 0.9 unless given. */
  readonly beta1: number;
  /** Share of the memory that stays; 0.99 unless given. */
  readonly beta2: number;
  /** How much a parameter of two or more axes shrinks, times the rate, at each step; 0.1 unless given. */
  readonly weightDecay: number;
}

const zeroToOne = real({ from: 0, below: 1 });

const schema = settings({
  beta1: zeroToOne.default(0.9),
  beta2: zeroToOne.default(0.99),
  weightDecay: real({ from: 0, to: 10 }).default(0.1),
});

/** Lion (Chen et al. 2023). Its rates are three to ten times smaller than AdamW's, its decay as many times larger. */
export const lion: OptimizerFactory<Partial<LionSettings>, LionSettings> = defineOptimizer({
  name: 'lion',
  settings: schema,
  state: (weight) => ({ mean: zerosLike(weight) }),
  update({ weight, gradient, mean }, { rate, matrix, beta1, beta2, weightDecay }) {
    const direction = sign(lerp(gradient, mean, beta1));
    return {
      weight: weight.sub(direction.add(matrix.mul(weightDecay).mul(weight)).mul(rate)),
      mean: lerp(gradient, mean, beta2),
    };
  },
});
