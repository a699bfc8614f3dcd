import { describe, expect, test } from 'vitest';
import { checkOp } from '../../../../test/check-op.ts';
import { device } from '../../../../test/gpu.ts';
import { ShapeError } from '../errors.ts';
import { attention, type AttentionHeads } from './attention.ts';
import { planAttention } from './attention-plan.ts';

const sample = (
  batches: number,
  tokens: number,
  headSize: number,
  options: AttentionHeads,
): { shapes: number[][]; options: AttentionHeads } => ({
  shapes: [[batches, tokens, (options.heads + 2 * (options.kvHeads ?? options.heads)) * headSize]],
  options,
});

checkOp(attention, {
  inEveryFamily: true,
  samples: [
    sample(1, 1, 1, { heads: 1 }),
    sample(2, 37, 5, { heads: 3 }),
    sample(2, 33, 37, { heads: 4, kvHeads: 2 }),
    sample(1, 257, 5, { heads: 2, kvHeads: 1 }),
    sample(1, 19, 128, { heads: 2, kvHeads: 1 }),
  ],
  reference([qkv], [shape], { heads, kvHeads = heads }) {
    const [batches, tokens, width] = shape as [number, number, number];
    const headSize = width / (heads + 2 * kvHeads);
    const y = new Float64Array(batches * tokens * heads * headSize);
    for (let row = 0; row < batches * tokens; row++) {
      for (let head = 0; head < heads; head++) {
        const slot = (at: number, index: number): Float64Array => {
          const start = at * width + index * headSize;
          return qkv!.subarray(start, start + headSize);
        };
        const kvHead = Math.floor((head * kvHeads) / heads);
        const seen = Array.from({ length: (row % tokens) + 1 }, (_, j) => row - (row % tokens) + j);
        const q = slot(row, head);
        const scores = seen.map((j) => {
          const k = slot(j, heads + kvHead);
          return q.reduce((sum, value, d) => sum + value * k[d]!, 0) / Math.sqrt(headSize);
        });
        const most = Math.max(...scores);
        const weights = scores.map((score) => Math.exp(score - most));
        const total = weights.reduce((sum, weight) => sum + weight);
        const out = y.subarray((row * heads + head) * headSize, (row * heads + head + 1) * headSize);
        seen.forEach((j, i) => {
          const v = slot(j, heads + kvHeads + kvHead);
          v.forEach((value, d) => (out[d]! += (weights[i]! / total) * value));
        });
      }
    }
    return y;
  },
});

test('attention does not overflow on scores beyond the range of exp', async () => {
  const y = device.scope(() => attention(device.tensor(new Float32Array(9 * 24).fill(40), [1, 9, 24]), { heads: 1 }));
  expect(await y.read()).toEqual(new Float32Array(9 * 8).fill(40));
  y.dispose();
});

test('attention refuses shapes that its heads do not divide', () => {
  const message = /^attention: expected \(B, T, \(heads \+ 2·kvHeads\)·D\) with 3 heads, .* got \[/;
  for (const [shape, kvHeads] of [
    [[2, 4, 10], 3],
    [[2, 4, 14], 2],
    [[8, 9], 3],
    [[1, 1, 9 * 129], 3],
  ] as const) {
    expect(() => attention.definition.shape([shape], { heads: 3, kvHeads })).toThrow(message);
    expect(() => attention.definition.shape([shape], { heads: 3, kvHeads })).toThrow(ShapeError);
  }
});

describe.each([16_384, 32_768])('with %i bytes of workgroup memory', (maxComputeWorkgroupStorageSize) => {
  test.each([1, 5, 32, 37, 64, 96, 128])('tiles of head size %i fit', (headSize) => {
    const families = { ...device.families, attention: 'tiled' };
    const limited = { families, facts: device.facts, limits: { maxComputeWorkgroupStorageSize } };
    const { rows, constants } = planAttention(limited as unknown as typeof device, headSize);
    const { parts, columns, tile } = constants as Record<'parts' | 'columns' | 'tile', number>;
    expect(2 * tile * parts * columns * 4 + rows * parts * 32).toBeLessThanOrEqual(maxComputeWorkgroupStorageSize);
    expect(tile).toBeGreaterThanOrEqual(4);
    expect(parts * columns).toBeGreaterThanOrEqual(headSize);
  });
});
