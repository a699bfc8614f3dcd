// Slices of unequal length, as owners of whole parameters have them.
import { describe, expect, test } from 'vitest';
import { createGroup, type Group } from './group.ts';
import { memoryBridge } from './memory.ts';

const open = (size: number): Group[] =>
  memoryBridge(size).transports.map((transport) => createGroup(transport, { shards: 8 }));

describe('slices that are not even', () => {
  const length = 100;
  const boundsOf: Record<number, number[]> = {
    1: [0, 100],
    2: [0, 0, 100],
    3: [0, 64, 64, 100],
    4: [0, 32, 96, 100, 100],
  };

  test.each(['f32', 'bf16', 'int8'] as const)('have the bits of the whole sum, over %s', async (wire) => {
    for (const size of [1, 2, 3, 4]) {
      const bounds = boundsOf[size]!;
      const results = open(size).map(async (group) => {
        const nodes = group.nodes.map(({ lo, hi }) => Float32Array.from({ length }, (_, i) => Math.sin(i * lo + hi)));
        const whole = new Float32Array(length);
        await group.allReduce(nodes, whole, { wire });
        const slice = new Float32Array(bounds[group.rank + 1]! - bounds[group.rank]!);
        await group.reduceScatter(nodes, slice, { wire, bounds });
        expect(slice).toEqual(whole.subarray(bounds[group.rank], bounds[group.rank + 1]));
        const gathered = new Float32Array(length);
        await group.allGather(slice, gathered, { bounds });
        expect(gathered).toEqual(whole);
      });
      await Promise.all(results);
    }
  });

  test('are refused where ranks cut otherwise', async () => {
    const calls = open(2).map((group) => {
      const bounds = group.rank === 0 ? [0, 40, 100] : [0, 60, 100];
      return group.allGather(new Float32Array(40), new Float32Array(length), { bounds });
    });
    await Promise.all(
      calls.map((call) => expect(call).rejects.toThrow(/^group: expected the same call on all ranks, got allGather/)),
    );
  });
});
