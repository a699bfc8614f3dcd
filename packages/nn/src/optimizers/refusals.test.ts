// Optimizers that forget, move nothing, or take nothing: each is told in one line.
import { ops, type Tensor } from '@lockstep/tensor';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { device } from '../../../../test/gpu.ts';
import { embedding, parameter } from '../layers/index.ts';
import { createModel, defineModel } from '../models/index.ts';
import { Parameters } from '../parameters.ts';
import {
  adamW,
  chain,
  clipByGlobalNorm,
  decayWeights,
  defineOptimizer,
  ema,
  groups,
  muon,
  Optimizer,
  type OptimizerValue,
  planUpdate,
  sgd,
} from './index.ts';

const mixed = defineModel({
  name: 'mixed',
  create: () => ({
    parameters: {
      embed: embedding(11, 5),
      second: { weight: parameter([7, 24]), bias: parameter([7], { group: 'special' }) },
    },
  }),
});

describe('refuses in one line', () => {
  const one = (update: (tensors: Record<string, Tensor>) => object): OptimizerValue =>
    defineOptimizer({
      name: 'mine',
      settings: z.object({}),
      state: (weight): Record<string, Tensor> => ({ mean: ops.zerosLike(weight) }),
      update: (tensors) => update(tensors) as Record<string, Tensor>,
    })();
  const plan = (value: OptimizerValue): unknown => {
    return planUpdate(value, new Parameters(device, createModel(mixed())));
  };

  test.each<[string, OptimizerValue, string]>([
    [
      'a state that is forgotten',
      one(({ weight }) => ({ weight })),
      'mine: expected a new value of its state mean from update, got weight\n',
    ],
    [
      'a value of another shape',
      one(({ weight, mean }) => ({ weight: ops.sum(weight!), mean })),
      'mine: weight of second.bias: expected a tensor f32 [7], got f32 []',
    ],
    [
      'a name that is none',
      one(({ weight, mean }) => ({ weight, mena: mean })),
      'mine: expected new values of weight, gradient, norm, mean, got one of mena',
    ],
    ['nothing', one(() => 3 as unknown as object), 'mine: expected new values by name, such as { weight }, got number'],
    [
      'a chain that moves no weight',
      chain(clipByGlobalNorm(1), ema(0.9)),
      'clipByGlobalNorm, ema: expected an update that returns a weight, got none',
    ],
    [
      'a group that takes nothing',
      groups({ head: adamW(), rest: sgd() }),
      'groups: expected parameters for head, got none\nhint: groups of this model’s layers',
    ],
    [
      'a parameter that no group takes',
      groups({ matrices: muon(), vectors: sgd() }),
      'groups: expected one of matrices, vectors to take embed.weight [11, 5], got none',
    ],
    [
      'groups inside an entry of others',
      groups({ rest: chain(clipByGlobalNorm(1), groups({ rest: sgd() })) }),
      'groups: expected groups at one place of an optimizer, got some inside an entry of others',
    ],
    [
      'two groups in a chain',
      chain(groups({ matrices: sgd(), rest: sgd() }), groups({ matrices: sgd(), rest: sgd() })),
      'groups: expected groups at one place of an optimizer, got two of them in a chain',
    ],
    [
      'clipping before what takes no gradient',
      chain(clipByGlobalNorm(1), decayWeights(0.1)),
      'clipByGlobalNorm: expected a link behind it that moves weights by its gradient, got clipByGlobalNorm, decayWeights\n',
    ],
    [
      'clipping behind what it was to clip for',
      chain(sgd(), clipByGlobalNorm(1)),
      'clipByGlobalNorm: expected a link behind it that moves weights by its gradient, got sgd, clipByGlobalNorm\nhint: ',
    ],
    [
      'a norm of a gradient that was changed',
      chain(
        defineOptimizer({ name: 'signed', update: ({ gradient }) => ({ gradient: ops.sign(gradient) }) })(),
        clipByGlobalNorm(1),
        sgd(),
      ),
      'clipByGlobalNorm: expected gradients as they came where their norm is used, got them behind signed\nhint: put it first',
    ],
    [
      'a norm of a group behind what all were clipped by',
      chain(clipByGlobalNorm(1), groups({ rest: adamW() })),
      'adamW: expected gradients as they came where their norm is used, got them behind clipByGlobalNorm\nhint: put it first, or turn its own clipping off: clipNorm: 0',
    ],
    [
      'a pattern that no name fits',
      groups({ none: sgd({ matches: /nowhere/ }), rest: sgd() }),
      'groups: expected parameters for none, got none\nhint: groups of this model’s layers',
    ],
    [
      'weights to use that nobody remembers',
      defineOptimizer({ name: 'mine', use: 'mean', update: ({ weight }) => ({ weight }) })(),
      'mine: use: expected the name of a state that is like the weight, got mean',
    ],
    [
      'a setting by a name that means something else',
      defineOptimizer<{ step: number }>({ name: 'mine', update: ({ weight }) => ({ weight }) })({ step: 3 }),
      'mine: expected settings and numbers by names of their own, other than rate, step, norm, matrix, got step twice',
    ],
    [
      'a state by a name that means something else',
      defineOptimizer({
        name: 'mine',
        state: (weight) => ({ norm: ops.zerosLike(weight) }),
        update: ({ weight, norm }) => ({ weight, norm }),
      })(),
      'mine: state: expected names of letters and digits other than weight, gradient, norm, got "norm"',
    ],
    [
      'a state that is no f32',
      one(({ weight, mean }) => ({ weight, mean: ops.cast(mean!, 'u32') })),
      'mine: mean of second.bias: expected a tensor f32 [7], got u32 [7]',
    ],
  ])('%s', (_name, value, message) => {
    expect(() => plan(value)).toThrow(message);
  });

  test('an optimizer that was not called', () => {
    expect(() => chain(adamW as unknown as OptimizerValue)).toThrow(
      'chain: link: expected an optimizer, such as adamW({ … }), got function\nhint: call it',
    );
    expect(() => adamW({ beta3: 1 } as object)).toThrow('adamW: beta3: expected a known name, such as beta1 (');
    expect(() => muon({ momentum: 2 })).toThrow('muon: momentum: expected a number from 0 and below 1, got 2');
  });

  test('settings that break a rule between them', () => {
    const mine = defineOptimizer({
      name: 'mine',
      settings: z.object({ low: z.number(), high: z.number() }).refine(({ low, high }) => low < high),
      update: ({ weight }) => ({ weight }),
    });
    expect(mine({ low: 1, high: 2, peak: 3 })).toEqual({ kind: 'mine', low: 1, high: 2, peak: 3 });
    expect(() => mine({ low: 2, high: 1 })).toThrow(
      'mine: expected the settings low, high, peak, shard, matches, got {',
    );
  });

  test('a setting of the whole on a part', () => {
    expect(() => groups({ rest: adamW({ shard: true }) })).toThrow(
      'groups: rest.shard: expected shard on the outermost optimizer, where it holds for all, got it on adamW',
    );
    expect(() => chain(sgd({ matches: /x/ }))).toThrow(
      'chain: sgd.matches: expected matches on an entry of groups as a whole, got it on sgd',
    );
    expect(() => groups({ peak: sgd() })).toThrow(
      'groups: expected names of parts that are no settings of its own, got peak',
    );
  });

  test('numbers that come and go', () => {
    const value = defineOptimizer({
      name: 'mine',
      numbers: (_, step): Record<string, number> => (step > 1 ? {} : { first: 1 }),
      update: ({ weight, gradient }, { first }) => ({ weight: weight.sub(gradient.mul(first!)) }),
    })();
    const optimizer = new Optimizer(value, device, new Parameters(device, createModel(mixed())));
    optimizer.schedule(1, 0.1);
    expect(() => optimizer.schedule(2, 0.1)).toThrow('mine: numbers: expected first in every step, got none in step 2');
  });

  test('a pattern that is none, or that has flags', () => {
    const expected = 'sgd: matches: expected a regular expression without flags for names of parameters, such as';
    expect(() => sgd({ matches: '(' })).toThrow(`${expected} /norm|bias$/, got "("`);
    expect(() => sgd({ matches: /x/i })).toThrow(`${expected} /norm|bias$/, got /x/i`);
  });
});
