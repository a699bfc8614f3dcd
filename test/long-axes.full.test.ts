// Axes of ten million elements.
import { cumsum, sort } from '@lockstep/tensor';
import { expect, test } from 'vitest';
import { device } from './gpu.ts';

const length = 1e7;

test('ten million elements are sorted', { timeout: 300_000 }, async () => {
  const x = device.tensor(
    Float32Array.from({ length }, (_, i) => Math.sin(i * 12.9898) * 43758.5453),
    [length],
  );
  const { values, indices } = device.scope(() => sort(x));
  const [sorted, places] = await device.read([values, indices]);
  const all = (await x.read()) as Float32Array;
  const expected = all.toSorted();
  expect(expected.findIndex((value, i) => value !== sorted![i] || value !== all[places![i]!])).toBe(-1);
  for (const tensor of [x, values, indices]) tensor.dispose();
});

test('ten million elements are added up on the way', { timeout: 300_000 }, async () => {
  const x = device.tensor(
    Int32Array.from({ length }, (_, i) => ((i * 7919) % 1000) - 500),
    [length],
  );
  const y = device.scope(() => cumsum(x));
  const sums = await y.read();
  let sum = 0;
  expect(sums.every((got, i) => got === (sum += ((i * 7919) % 1000) - 500))).toBe(true);
  for (const tensor of [x, y]) tensor.dispose();
});
