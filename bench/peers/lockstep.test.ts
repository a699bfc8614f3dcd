import { expect, test } from 'vitest';
import { makeProblem, sizes } from '../problem.ts';
import { lockstep } from './lockstep.ts';

test.each(Object.values(sizes))('takes steps of $layers layers whose loss falls', async (config) => {
  const prepared = await lockstep.prepare(makeProblem(config));
  const first = await prepared.step();
  expect(await prepared.step()).toBeLessThan(first);
  await prepared.finish?.();
});
