import { describe, expect, test } from 'vitest';
import { memoryPlace } from './data-place.ts';
import { defineDataset, openDataset } from './define-dataset.ts';
import type { Batches } from './dataset.ts';

/** Row i is i, and rows to validate on go on behind those to train on. */
const counting = defineDataset<{ size: number; validation?: number }>({
  name: 'counting',
  load: ({ size, validation = 0 }) => ({
    training: { size, at: (i) => ({ i: Uint32Array.of(i), pair: Float32Array.of(i, -i) }) },
    validation: { size: validation, at: (i) => ({ i: Uint32Array.of(size + i), pair: Float32Array.of(i, -i) }) },
  }),
});

const batchesOf = async (size: number, validation = 0): Promise<Batches> =>
  (await openDataset(counting({ size, validation }), memoryPlace)).batches({});

const whole = { shard: 0, shards: 1 };

test.each([1, 2, 4, 8])('%d shards together are the batch that one shard reads', async (shards) => {
  const { batch } = await batchesOf(100);
  const options = { step: 11, seed: 9, batchSize: 8 };
  const parts = Array.from({ length: shards }, (_, shard) => [...batch({ ...options, shard, shards })['pair']!]);
  expect(parts.flat()).toEqual([...batch({ ...options, ...whole })['pair']!]);
});

test('a range of shards is its shards one after the other', async () => {
  const { batch } = await batchesOf(100);
  const part = { step: 2, seed: 9, batchSize: 8, shards: 4 };
  const [two, three] = [2, 3].map((shard) => [...batch({ ...part, shard })['i']!]);
  expect([...batch({ ...part, shard: 2, count: 2 })['i']!]).toEqual([...two!, ...three!]);
});

describe('an epoch', () => {
  const size = 37;
  const epoch = async (number: number, { seed = 1, batchSize = 1 } = {}): Promise<number[]> => {
    const { batch } = await batchesOf(size);
    const rows: number[] = [];
    const [from, to] = [number * size, (number + 1) * size];
    for (let step = Math.floor(from / batchSize); step * batchSize < to; step++)
      rows.push(
        ...batch({ step, seed, batchSize, ...whole })['i']!.slice(
          Math.max(0, from - step * batchSize),
          to - step * batchSize,
        ),
      );
    return rows;
  };

  test.each([1, 4, 37, 50])('visits every row exactly once, in batches of %d', async (batchSize) => {
    for (const number of [0, 1, 2])
      expect((await epoch(number, { batchSize })).toSorted((a, b) => a - b)).toEqual(
        Array.from({ length: size }, (_, i) => i),
      );
  });

  test('has an order of its own, which follows from seed and number', async () => {
    expect(await epoch(0)).toEqual(await epoch(0, { batchSize: 5 }));
    expect(await epoch(1)).not.toEqual(await epoch(0));
    expect(await epoch(0, { seed: 2 })).not.toEqual(await epoch(0));
  });
});

describe('rows to validate on', () => {
  test('are read in order, the same for everybody, and again from their start', async () => {
    const { validationBatch, validationRows } = await batchesOf(10, 6);
    expect(validationRows).toBe(6);
    const read = (index: number): number[] => [...validationBatch(index, { batchSize: 4, ...whole })['i']!];
    expect([read(0), read(1)]).toEqual([
      [10, 11, 12, 13],
      [14, 15, 10, 11],
    ]);
  });

  test('need not be there', async () => {
    expect((await batchesOf(10)).validationRows).toBe(0);
  });
});

test('facts and sizes are told', async () => {
  const value = defineDataset({
    name: 'things',
    load: () => ({ training: { size: 3, at: () => ({ x: Float32Array.of(1) }) }, facts: { classes: ['a', 'b'] } }),
  })();
  const { facts, sizes, name } = await openDataset(value, memoryPlace);
  expect({ facts, sizes, name }).toEqual({
    facts: { classes: ['a', 'b'] },
    sizes: { unit: 'rows', training: 3, validation: 0 },
    name: 'things',
  });
});

test('a batch that the shards do not divide is refused', async () => {
  const { batch } = await batchesOf(10);
  expect(() => batch({ step: 0, seed: 0, shard: 0, shards: 4, batchSize: 6 })).toThrow(
    'expected a batch that is a multiple of 4 shards, got 6',
  );
});
