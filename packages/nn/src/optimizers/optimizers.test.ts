// Updates on the device against the same formulas in f64, over several steps and in every kernel family.
import { euclideanNorm, type Tensor } from '@lockstep/tensor';
import { describe, expect, test } from 'vitest';
import { difference, noise } from '../../../../test/check-op.ts';
import { device, families, withFamilies } from '../../../../test/gpu.ts';
import {
  adamW,
  createOptimizer,
  type Optimizer,
  sgd,
  type AdamWDescription,
  type OptimizerDescription,
  type SgdDescription,
} from './index.ts';

const size = 64 * 41;
const learningRate = 0.05;
const decay = Float32Array.from({ length: size / 64 }, (_, block) => block % 2);
const gradientsOf = (step: number): Float32Array<ArrayBuffer> => Float32Array.from(noise(size, step));
const start = Float32Array.from(noise(size, 77));

/** One number's way through an update: the next weight. */
type Rule = (state: number[], weight: number, gradient: number, decay: number, step: number) => number;

const adamWRule =
  ({ beta1, beta2, epsilon, weightDecay }: AdamWDescription): Rule =>
  (state, weight, gradient, factor, step) => {
    state[0] = beta1 * (state[0] ?? 0) + (1 - beta1) * gradient;
    state[1] = beta2 * (state[1] ?? 0) + (1 - beta2) * gradient ** 2;
    const update = state[0] / (1 - beta1 ** step) / (Math.sqrt(state[1] / (1 - beta2 ** step)) + epsilon);
    return weight - learningRate * (update + weightDecay * factor * weight);
  };

const sgdRule =
  ({ momentum, weightDecay }: SgdDescription): Rule =>
  (state, weight, gradient, factor) => {
    state[0] = momentum * (state[0] ?? 0) + gradient + weightDecay * factor * weight;
    return weight - learningRate * state[0];
  };

const norm = (values: Float32Array): number => Math.sqrt(values.reduce((sum, value) => sum + value ** 2, 0));

function expectedAfter(steps: number, rule: Rule, clipNorm: number): Float64Array {
  const states = Array.from({ length: size }, (): number[] => []);
  let weights = Float64Array.from(start);
  for (let step = 1; step <= steps; step++) {
    const gradients = gradientsOf(step);
    const scale = clipNorm > 0 ? Math.min(1, clipNorm / (norm(gradients) + 1e-6)) : 1;
    weights = weights.map((weight, i) => rule(states[i]!, weight, gradients[i]! * scale, decay[i >> 6]!, step));
  }
  return weights;
}

const cases: [name: string, description: OptimizerDescription, rule: Rule][] = [
  ['AdamW that clips', adamW({ clipNorm: 1 }), adamWRule(adamW({ clipNorm: 1 }))],
  ['AdamW with a long memory', adamW({ beta2: 0.999, clipNorm: 0 }), adamWRule(adamW({ beta2: 0.999 }))],
  ['AdamW below its limit', adamW({ clipNorm: 1e4 }), adamWRule(adamW())],
  ['SGD', sgd(), sgdRule(sgd())],
  ['SGD below its limit', sgd({ clipNorm: 1e4 }), sgdRule(sgd())],
  [
    'SGD with momentum',
    sgd({ momentum: 0.9, weightDecay: 0.1, clipNorm: 3 }),
    sgdRule(sgd({ momentum: 0.9, weightDecay: 0.1 })),
  ],
];

describe.each(families)('optimizers (%s)', (_family, choice) => {
  test.each(cases)('%s follows its formula', (_name, description, rule) =>
    withFamilies(choice, async () => {
      const weights = device.tensor(start);
      // What travels behind the gradients is no gradient.
      const gradients = device.tensor(new Float32Array(size + 64).fill(1e6));
      const own = device.view(gradients, 0, [size]);
      const optimizer = createOptimizer(description, device, { weights, gradients, decay: device.tensor(decay) });
      const program = await device.capture(() => {
        euclideanNorm(device, own, optimizer.norm);
        optimizer.dispatch();
      });
      for (let step = 1; step <= 5; step++) {
        own.write(gradientsOf(step));
        optimizer.schedule(step, learningRate);
        const [found] = await device.submit([program, optimizer.norm]);
        expect(found![0]! / norm(gradientsOf(step))).toBeCloseTo(1, 6);
      }
      expect(difference(await weights.read(), expectedAfter(5, rule, description.clipNorm))).toBeLessThan(2e-6);
    }),
  );

  test('an update of ranges gives the bits of the whole, and remembers the ranges only', async () => {
    const gradients = device.tensor(gradientsOf(1));
    const whole = device.tensor(start);
    const parts = device.tensor(start);
    const halves = [
      [
        { start: 0, size: 64 * 5 },
        { start: 64 * 17, size: 64 },
      ],
      [
        { start: 64 * 5, size: 64 * 12 },
        { start: 64 * 18, size: 64 * 23 },
      ],
    ];
    const make = (weights: Tensor, ranges?: (typeof halves)[number]): Optimizer =>
      createOptimizer(adamW(), device, { weights, gradients, decay: device.tensor(decay), ranges });
    const owners = halves.map((ranges) => make(parts, ranges));
    for (const optimizer of [make(whole), ...owners]) {
      euclideanNorm(device, gradients, optimizer.norm);
      optimizer.schedule(1, learningRate);
      optimizer.dispatch();
    }
    expect(await parts.read()).toEqual(await whole.read());
    expect(owners.map(({ state }) => state['mean']!.size)).toEqual([64 * 6, 64 * 35]);
  });

  test('state of zeros begins as zeros and has the layout of the weights', async () => {
    const weights = device.tensor(start);
    const { state } = createOptimizer(adamW(), device, { weights, gradients: weights, decay: device.tensor(decay) });
    for (const [name, tensor] of Object.entries<Tensor>(state))
      expect(await tensor.read(), name).toEqual(new Float32Array(size));
  });
});
