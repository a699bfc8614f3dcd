// A tensor larger than this adapter binds, and than one of its buffers may be.
import { ops } from '@lockstep/tensor';
import { expect, test } from 'vitest';
import { device } from './gpu.ts';

const [rows, columns] = [786_432, 1024]; // 3 GiB of f32

test('three gibibytes are made, computed with, summed and read in part', { timeout: 600_000 }, async () => {
  const wide = device.limits.maxStorageBufferBindingSize < 4 * rows * columns;
  expect(wide, 'an adapter that does not bind as much').toBe(true);
  const [sums, all, some] = device.scope(() => {
    const ids = ops.cast(ops.arange(device, rows), 'f32').reshape([rows, 1]);
    const x = ids.broadcastTo([rows, columns]).mul(2).add(1); // (rows, columns): 2·row + 1
    return [ops.sum(x, { axis: 1 }), ops.mean(x), ops.slice(x, { axis: 0, start: rows - 2, end: rows })];
  });
  const of = (row: number): number => 2 * row + 1;
  expect(await some.read()).toEqual(
    Float32Array.from({ length: 2 * columns }, (_, i) => of(rows - 2 + Math.floor(i / columns))),
  );
  const read = await sums.read();
  expect(read.length).toBe(rows);
  const furthest = read.reduce((most, value, row) => Math.max(most, Math.abs(value / (columns * of(row)) - 1)), 0);
  expect(furthest).toBeLessThan(1e-5);
  expect(Math.abs((await all.item()) - rows) / rows).toBeLessThan(1e-5);
  expect(device.stats.bytes).toBeGreaterThan(4 * rows * columns);
  for (const tensor of [sums, all, some]) tensor.dispose();
});
