import { describe, expect, test } from 'vitest';
import { planBuckets } from './buckets.ts';

const MiB = 2 ** 20;
const grain = 64;
const bytesOf = (size: number, bytes?: number): number[] =>
  planBuckets(size, { grain, bytes }).map((bucket) => 4 * bucket.size);

describe('buckets', () => {
  test.each([64, 1000, 123_456, 300_000])('of %d elements follow one another without a gap', (size) => {
    for (const bytes of [undefined, 1, 64 * 1024, MiB, 64 * MiB]) {
      const buckets = planBuckets(size, { grain, bytes });
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
    expect(bytesOf(1024 * MiB).length).toBe(33);
  });
});
