// Optimizers of every kind on one to four workers: updates that are cut anywhere and such as need a parameter whole, each worker with all
// of them or with its own. None of it shows in the state, nor where a run was interrupted.
import { adafactor, adamW, defineOptimizer, groups, muon, type OptimizerValue, scheduleFree } from '@lockstep/nn';
import { ops } from '@lockstep/tensor';
import type { TrainState } from '@lockstep/trainer';
import { describe, expect, test } from 'vitest';
import { fingerprint, replicas, takeSteps, trained } from './optimizer-runs.ts';

/** By as many numbers as it has: elementwise, but another update for every size, which only a recording of each shape shows. */
const sized = defineOptimizer({
  name: 'sized',
  update: ({ weight, gradient }, { rate }) => ({
    weight: weight.sub(gradient.mul(rate).mul(1 / Math.sqrt(weight.size))),
  }),
});

/** Without its own step it would be a norm of what each worker has, and not of the parameter. */
const normed = defineOptimizer({
  name: 'normed',
  state: (weight) => ({ last: ops.zerosLike(weight) }),
  update: ({ weight, gradient, last }, { rate }) => {
    const mean = ops.lerp(gradient, last, 0.5);
    return { weight: weight.sub(mean.div(ops.norm(mean).add(1e-6)).mul(rate)), last: mean };
  },
});

type Make = (shard: boolean) => OptimizerValue;

describe.each<[string, Make]>([
  ['Muon for matrices, AdamW for the rest', (shard) => groups({ matrices: muon(), rest: adamW() }, { shard })],
  ['Adafactor', (shard) => adafactor({ shard })],
  ['schedule-free AdamW', (shard) => scheduleFree({ shard, warmupSteps: 2 })],
  ['an update that depends on the size of parameters', (shard) => sized({ shard })],
  ['an update by the norm of each parameter', (shard) => normed({ shard })],
])('%s', (_name, make) => {
  test('ends with one state on 1 to 4 workers, each with all of it or with its own part', async () => {
    const expected = await trained(1, make(false));
    for (const workers of [2, 3, 4])
      for (const shard of [false, true])
        expect(await trained(workers, make(shard)), `${workers} ${shard}`).toBe(expected);
  });

  test('goes on from a stored state as if nothing had been', async () => {
    const plan: [workers: number, shard: boolean][] = [
      [3, true],
      [1, false],
      [2, true],
    ];
    let state: TrainState | undefined;
    let found = '';
    for (const [step, [count, shard]] of plan.entries()) {
      const workers = await replicas(count, make(shard));
      if (state) for (const worker of workers) worker.restore(state);
      await takeSteps(workers, step, step + 1);
      state = (await Promise.all(workers.map((worker) => worker.state(step + 1))))[0]!;
      found = await fingerprint(workers, step + 1);
    }
    const whole = await replicas(1, make(false));
    await takeSteps(whole, 0, plan.length);
    expect(found).toBe(await fingerprint(whole, plan.length));
  });
});
