import { describe, expect, test } from 'vitest';
import { middleOf, nodesOf, shardRange, type ShardRange } from './shard-tree.ts';

const ranges = (size: number, shards: number): ShardRange[] =>
  Array.from({ length: size }, (_, rank) => shardRange(rank, size, shards));

describe.each([8, 16, 64])('%d shards over 1 to as many workers', (shards) => {
  const sizes = Array.from({ length: shards }, (_, i) => i + 1);

  test('are covered once, in order, balanced, with none left out', () => {
    for (const all of sizes.map((size) => ranges(size, shards))) {
      const covered = all.flatMap(({ lo, hi }) => Array.from({ length: hi - lo }, (_, i) => lo + i));
      expect(covered).toEqual([...Array(shards).keys()]);
      const held = all.map(({ lo, hi }) => hi - lo);
      expect(Math.min(...held)).toBeGreaterThan(0);
      expect(Math.max(...held) - Math.min(...held)).toBeLessThanOrEqual(1);
    }
  });

  test('decompose into aligned subtrees', () => {
    const all = sizes.flatMap((size) => ranges(size, shards));
    for (const { lo, hi } of all.flatMap((range) => nodesOf(range, shards))) {
      expect(Math.log2(hi - lo) % 1).toBe(0);
      expect(lo % (hi - lo)).toBe(0);
    }
  });
});

test.each([1, 2, 4, 8, 16])('%d workers hold one node each', (size) => {
  for (const { lo, hi } of ranges(size, 16)) expect(nodesOf({ lo, hi }, 16)).toEqual([{ lo, hi }]);
});

test('nodes are as few as can be', () => {
  expect(nodesOf({ lo: 1, hi: 15 }, 16).map(({ lo, hi }) => [lo, hi])).toEqual([
    [1, 2],
    [2, 4],
    [4, 8],
    [8, 12],
    [12, 14],
    [14, 15],
  ]);
  expect(nodesOf({ lo: 3, hi: 3 }, 16)).toEqual([]);
});

test('a limit cuts larger nodes', () => {
  expect(nodesOf({ lo: 0, hi: 8 }, 8, 2)).toEqual([0, 2, 4, 6].map((lo) => ({ lo, hi: lo + 2 })));
  expect(nodesOf({ lo: 0, hi: 8 }, 8, 3)).toEqual([0, 2, 4, 6].map((lo) => ({ lo, hi: lo + 2 })));
});

test('a tree over any number of shards is the left part of a larger one', () => {
  expect(nodesOf({ lo: 0, hi: 5 }, 5)).toEqual([{ lo: 0, hi: 5 }]);
  expect(nodesOf({ lo: 1, hi: 5 }, 5).map(({ lo, hi }) => [lo, hi])).toEqual([
    [1, 2],
    [2, 4],
    [4, 5],
  ]);
  expect(middleOf({ lo: 0, hi: 5 })).toBe(4);
  expect(middleOf({ lo: 4, hi: 7 })).toBe(6);
});
