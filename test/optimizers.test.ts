// An optimizer of all that there is to one: a norm over everything, a group that needs its parameters whole, one that is cut anywhere, and an
// average that is used instead of the weights. optimizers.full.test.ts has each by itself.
import { adamW, chain, clipByGlobalNorm, ema, groups, muon, type OptimizerValue } from '@lockstep/nn';
import { expect, test } from 'vitest';
import { evaluate, fingerprint, replicas, takeSteps, trained } from './optimizer-runs.ts';

const make = (shard: boolean): OptimizerValue =>
  chain(clipByGlobalNorm(0.5), groups({ matrices: muon(), rest: adamW({ clipNorm: 0, peak: 0.1 }) }), ema(0.9), {
    shard,
  });

test('workers that share a composed update out, and go on in other numbers, end with the state of one that has all of it', async () => {
  const expected = await trained(1, make(false));
  const first = await replicas(2, make(true));
  await takeSteps(first, 0, 1);
  // A look at the average leaves no trace.
  await evaluate(first);
  const [state] = await Promise.all(first.map((worker) => worker.state(1)));
  const second = await replicas(3, make(true));
  for (const worker of second) worker.restore(state!);
  await takeSteps(second, 1, 3);
  expect(await fingerprint(second, 3)).toBe(expected);
});
