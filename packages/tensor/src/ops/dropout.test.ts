import { expect, test } from 'vitest';
import { checkOp } from '../../../../test/check-op.ts';
import { device } from '../../../../test/gpu.ts';
import { philox } from '../random/philox.ts';
import { dropout } from './dropout.ts';

const key = [0x243f6a88, 0x85a308d3] as const;
const step = 12;

checkOp(dropout, {
  samples: [
    { shapes: [[1], [4]], options: { rate: 0.5, layer: 0 } },
    { shapes: [[37, 257], [4]], options: { rate: 0.1, layer: 3 } },
    { shapes: [[2, 64], [4]], options: { rate: 0, layer: 3 } },
  ],
  words: { 1: (firstShard) => [...key, step, firstShard] },
  reference: ([x], _shapes, { rate, layer }) =>
    x!.map((value, i) => {
      const word = philox([Math.floor(i / 4), 0, step, 256 * layer + 3], key)[i % 4]!;
      return word >= rate * 2 ** 32 ? value / (1 - rate) : 0;
    }),
});

/** The share of ones that dropout lets through, and where. */
async function kept(words: number[], layer: number): Promise<Float32Array> {
  const [x, random] = [device.tensor(new Float32Array(40_000).fill(1)), device.tensor(Uint32Array.from(words))];
  const y = dropout(x, random, { rate: 0.2, layer });
  const values = await y.read();
  for (const tensor of [x, random, y]) tensor.dispose();
  return values;
}

test('dropout keeps its share, and the mean', async () => {
  const values = await kept([1, 2, 3, 0], 0);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  expect(Math.abs(mean - 1)).toBeLessThan(0.01);
  expect(new Set(values)).toEqual(new Set([0, 1.25]));
});

test('dropout draws another mask for every seed, step, shard and layer', async () => {
  const masks = [
    await kept([1, 2, 3, 0], 0),
    await kept([4, 2, 3, 0], 0),
    await kept([1, 4, 3, 0], 0),
    await kept([1, 2, 4, 0], 0),
    await kept([1, 2, 3, 4], 0),
    await kept([1, 2, 3, 0], 4),
  ];
  // Independent masks that keep 80 % agree in 68 % of their places.
  for (const [i, one] of masks.entries()) {
    for (const other of masks.slice(i + 1)) {
      const equal = one.filter((value, j) => value === other[j]).length / one.length;
      expect(Math.abs(equal - 0.68)).toBeLessThan(0.02);
    }
  }
});
