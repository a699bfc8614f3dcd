// How many dispatches fusing leaves of a network in public ops, beside the same fused by hand. What each takes, `fusion.ts` measures.
import { openDevice } from 'lockstep';
import { expect, test } from 'vitest';
import { networkByHand } from './fusion/by-hand.ts';
import { createBatch, createWeights, type Network } from './fusion/problem.ts';
import { networkOfOps } from './fusion/public-ops.ts';

test('a network in public ops takes at most a quarter more dispatches than fused by hand', async () => {
  const device = await openDevice();
  const [weights, batch] = [createWeights(device), createBatch(device)];
  const dispatchesOf = async ({ step }: Network): Promise<number> => (await device.capture(step)).dispatches.length;
  expect(await dispatchesOf(networkByHand(device, weights, batch))).toBe(62);
  expect(await dispatchesOf(networkOfOps(device, weights, batch))).toBe(77);
  await device.close();
});
