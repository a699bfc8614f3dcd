import { describe, expect, test } from 'vitest';
import { planBuckets, planSlices } from './buckets.ts';

const MiB = 2 ** 20;
const grain = 64;
/** Every multiple of the grain, and the end. */
const cutsOf = (size: number, every = grain): number[] => [
  ...Array.from({ length: Math.ceil(size / every) }, (_, i) => i * every),
  size,
];
const bytesOf = (size: number, bytes?: number): number[] =>
  planBuckets({ cuts: cutsOf(size, 4096), bytes }).map((bucket) => 4 * bucket.size);

describe('buckets', () => {
  test.each([64, 1000, 123_456, 300_000])('of %d elements follow one another without a gap', (size) => {
    for (const bytes of [undefined, 1, 64 * 1024, MiB, 64 * MiB]) {
      const buckets = planBuckets({ cuts: cutsOf(size), bytes });
      let end = 0;
      for (const bucket of buckets) {
        expect(bucket.start).toBe(end);
        expect(bucket.start % grain).toBe(0);
        expect(bucket.size).toBeGreaterThan(0);
        end += bucket.size;
      }
      expect(end).toBe(size);
    }
  });

  test('are one where the whole is small', () => {
    expect(bytesOf(MiB / 4)).toEqual([MiB]);
    expect(bytesOf(1000, MiB)).toEqual([4000]);
  });

  test('begin with a small one, and the others are about equal', () => {
    expect(bytesOf(4 * MiB, 4 * MiB)).toEqual([MiB, ...Array.from({ length: 4 }, () => 3.75 * MiB)]);
    expect(bytesOf(MiB, 2 * MiB)).toEqual([MiB, 1.5 * MiB, 1.5 * MiB]);
  });

  test('are no more than pay', () => {
    expect(bytesOf(256 * MiB).length).toBe(33);
  });

  test('begin and end at cuts only, and their slices, too', () => {
    const cuts = [0, 64, 4096, 4160, 9984, 10_048];
    for (const bytes of [1, 4096, 20_000, 2 ** 20]) {
      const buckets = planBuckets({ cuts, bytes });
      for (const ranks of [1, 2, 3, 8]) {
        const slices = planSlices(buckets, { cuts, costs: cuts }, ranks);
        for (const [i, bucket] of buckets.entries()) {
          expect(cuts).toContain(bucket.start);
          expect(cuts).toContain(bucket.start + bucket.size);
          const bounds = slices[i]!;
          expect(bounds).toHaveLength(ranks + 1);
          expect([bounds[0], bounds.at(-1)]).toEqual([0, bucket.size]);
          expect(bounds).toEqual(bounds.toSorted((a, b) => a - b));
          for (const bound of bounds) expect(cuts).toContain(bucket.start + bound);
        }
      }
    }
  });
});

describe('slices', () => {
  /** Work of each rank, in all buckets together. */
  const loadsOf = (cuts: readonly number[], costs: readonly number[], ranks: number): number[] => {
    const buckets = planBuckets({ cuts, bytes: 1 });
    const slices = planSlices(buckets, { cuts, costs }, ranks);
    const costAt = new Map(cuts.map((cut, i) => [cut, costs[i]!]));
    return Array.from({ length: ranks }, (_, rank) =>
      buckets.reduce(
        (sum, { start }, i) =>
          sum + costAt.get(start + slices[i]![rank + 1]!)! - costAt.get(start + slices[i]![rank]!)!,
        0,
      ),
    );
  };

  test.each([2, 3, 4])('of buckets of one piece go round %d ranks', (ranks) => {
    const cuts = Array.from({ length: 4 * ranks + 1 }, (_, i) => 64 * i);
    expect(loadsOf(cuts, cuts, ranks)).toEqual(Array.from({ length: ranks }, () => 256));
  });

  test('are equal in work, not in length', () => {
    const cuts = [0, 64, 128, 192, 256, 320];
    const buckets = [{ start: 0, size: 320 }];
    expect(planSlices(buckets, { cuts, costs: cuts }, 2)).toEqual([[0, 128, 320]]);
    expect(planSlices(buckets, { cuts, costs: [0, 340, 430, 520, 610, 700] }, 2)).toEqual([[0, 64, 320]]);
  });

  test('make up for what earlier buckets were', () => {
    const cuts = [0, 640, 704, 768, 832, 896, 960];
    const [first, second] = planSlices(
      [
        { start: 0, size: 640 },
        { start: 640, size: 320 },
      ],
      { cuts, costs: cuts },
      2,
    );
    expect(first).toEqual([0, 0, 640]);
    expect(second).toEqual([0, 320, 320]);
  });
});
