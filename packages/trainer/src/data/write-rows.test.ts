import { describe, expect, test } from 'vitest';
import type { BatchArrays } from '../batch.ts';
import { chunkBytes } from './chunks.ts';
import { memoryPlace } from './data-place.ts';
import { defineDataset, openDataset } from './define-dataset.ts';
import type { Dataset } from './dataset.ts';
import type { LoadedRows, Rows } from './rows.ts';

/** A dataset in memory of what `load` gives, whatever that is. */
const open = (load: () => unknown): Promise<Dataset> =>
  openDataset(defineDataset({ name: 'things', load: load as () => LoadedRows })(), memoryPlace);

const rows = (size: number, at: Rows['at']): Rows => ({ size, at });

const whole = { step: 0, seed: 1, shard: 0, shards: 1 };

/** All rows to train on, in the order of the first epoch. */
const all = (dataset: Dataset): BatchArrays =>
  dataset.batches({}).batch({ ...whole, batchSize: dataset.sizes.training });

describe('arrays become what a device knows', () => {
  const kinds: [string, (...values: number[]) => Rows, string][] = [
    ['Float32Array', (...values) => rows(1, () => ({ x: Float32Array.from(values) })), 'f32'],
    ['Float64Array', (...values) => rows(1, () => ({ x: Float64Array.from(values) })), 'f32'],
    ['Uint32Array', (...values) => rows(1, () => ({ x: Uint32Array.from(values) })), 'u32'],
    ['Uint16Array', (...values) => rows(1, () => ({ x: Uint16Array.from(values) })), 'u32'],
    ['Uint8Array', (...values) => rows(1, () => ({ x: Uint8Array.from(values) })), 'u32'],
    ['Uint8ClampedArray', (...values) => rows(1, () => ({ x: Uint8ClampedArray.from(values) })), 'u32'],
    ['Buffer', (...values) => rows(1, () => ({ x: Buffer.from(values) })), 'u32'],
    ['Int32Array', (...values) => rows(1, () => ({ x: Int32Array.from(values) })), 'i32'],
    ['Int16Array', (...values) => rows(1, () => ({ x: Int16Array.from(values) })), 'i32'],
    ['Int8Array', (...values) => rows(1, () => ({ x: Int8Array.from(values) })), 'i32'],
  ];
  test.each(kinds)('a %s', async (_, training, dtype) => {
    const dataset = await open(() => ({ training: training(1, 2, 100) }));
    expect(dataset.batches({}).inputs).toEqual({ x: { shape: [3], dtype } });
    expect([...all(dataset)['x']!]).toEqual([1, 2, 100]);
  });

  test('bytes may become f32, and keep their signs', async () => {
    const at = (): Record<string, Uint8Array | Int8Array> => ({ a: Uint8Array.of(0, 255), b: Int8Array.of(-128, 127) });
    const dataset = await open(() => ({ training: rows(1, at), dtypes: { a: 'f32', b: 'f32' } }));
    expect(all(dataset)).toEqual({ a: Float32Array.of(0, 255), b: Float32Array.of(-128, 127) });
  });
});

test('elements of all widths in rows of odd lengths come back, across the borders of chunks too', async () => {
  const size = 3000;
  const at = (i: number): Record<string, Uint8Array | Uint16Array | Float32Array> => ({
    bytes: Uint8Array.from({ length: i % 5 }, (_, k) => i + k),
    words: Uint16Array.from({ length: 1 + (i % 3) }, (_, k) => 7 * i + k),
    floats: Float32Array.from({ length: 1000 }, (_, k) => i + k / 8),
  });
  expect(size * 4000).toBeGreaterThan(2 * chunkBytes);
  const { batch, inputs } = (await open(() => ({ training: rows(size, at) }))).batches({});
  expect(inputs).toEqual({
    floats: { shape: [1000], dtype: 'f32' },
    words: { shape: [3], dtype: 'u32' },
    wordsLengths: { shape: [], dtype: 'u32' },
    bytes: { shape: [4], dtype: 'u32' },
    bytesLengths: { shape: [], dtype: 'u32' },
  });
  const seen = new Set<number>();
  for (let step = 0; step < size; step += 1) {
    const { floats, words, wordsLengths, bytes, bytesLengths } = batch({ ...whole, step, batchSize: 1 });
    const i = floats![0]!;
    seen.add(i);
    const padded = (values: ArrayLike<number>, length: number): number[] =>
      Array.from({ length }, (_, k) => values[k] ?? 0);
    const row = at(i);
    expect([wordsLengths![0], bytesLengths![0]]).toEqual([row['words']!.length, row['bytes']!.length]);
    expect([...words!, ...bytes!]).toEqual([...padded(row['words']!, 3), ...padded(row['bytes']!, 4)]);
    expect(floats![999]).toBe(i + 999 / 8);
  }
  expect(seen.size).toBe(size);
});

test('a row longer than a chunk is whole', async () => {
  const length = chunkBytes / 4 + 77;
  const image = Float32Array.from({ length }, (_, i) => i);
  const dataset = await open(() => ({
    training: rows(3, (i) => ({ image: image.map((value) => value + i), i: Uint8Array.of(i) })),
  }));
  const { image: got, i } = dataset.batches({}).batch({ ...whole, batchSize: 1 });
  expect([got![0], got![length - 1]]).toEqual([i![0], length - 1 + i![0]!]);
});

describe('shapes', () => {
  const frames = (i: number): Record<string, Float32Array> => ({ frames: new Float32Array(6 * (i + 1)).fill(i + 1) });

  test('are a number for arrays of one element, as given, and else flat', async () => {
    const training = rows(2, () => ({ label: Uint8Array.of(3), image: new Uint8Array(12), flat: new Float32Array(4) }));
    const dataset = await open(() => ({ training, shapes: { image: [3, 2, 2] } }));
    expect(dataset.batches({}).inputs).toEqual({
      label: { shape: [], dtype: 'u32' },
      image: { shape: [3, 2, 2], dtype: 'u32' },
      flat: { shape: [4], dtype: 'f32' },
    });
  });

  test('may begin with -1: rows differ in that axis, and lengths count along it', async () => {
    const dataset = await open(() => ({ training: rows(3, frames), shapes: { frames: [-1, 2, 3] } }));
    expect(dataset.batches({}).inputs['frames']).toEqual({ shape: [3, 2, 3], dtype: 'f32' });
    expect([...all(dataset)['framesLengths']!].toSorted((a, b) => a - b)).toEqual([1, 2, 3]);
  });

  test('of rows to validate on count, too: the longest of both parts is the length', async () => {
    const training = rows(4, () => ({ words: Uint16Array.of(1, 2) }));
    const dataset = await open(() => ({ training, validation: rows(2, () => ({ words: Uint16Array.of(1, 2, 3) })) }));
    expect(all(dataset)['wordsLengths']).toEqual(Uint32Array.of(2, 2, 2, 2));
    const { words, wordsLengths } = dataset.batches({}).validationBatch(0, { shard: 0, shards: 1, batchSize: 2 });
    expect([words, wordsLengths]).toEqual([Uint32Array.of(1, 2, 3, 1, 2, 3), Uint32Array.of(3, 3)]);
  });
});

test('rows are asked for one by one, in order, and a buffer may be used again for the next', async () => {
  const shared = new Float32Array(2);
  const training = rows(50, async (i) => {
    await Promise.resolve();
    shared.fill(i);
    return { x: shared };
  });
  const { x } = all(await open(() => ({ training })));
  expect([...x!].toSorted((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => Math.floor(i / 2)));
});

test('numbers that are none are kept, for training to report', async () => {
  const dataset = await open(() => ({ training: rows(1, () => ({ x: Float32Array.of(NaN, Infinity) })) }));
  expect(all(dataset)['x']).toEqual(Float32Array.of(NaN, Infinity));
});

test('the sha256 follows from every byte, shape, type and fact, and from nothing else', async () => {
  const make = (change: Partial<LoadedRows> = {}, last = 9) =>
    open(() => ({
      training: rows(10, (i) => ({ x: Uint8Array.of(i, i === 9 ? last : i) })),
      validation: rows(2, (i) => ({ x: Uint8Array.of(i, i) })),
      ...change,
    }));
  const { sha256 } = await make();
  expect((await make()).sha256).toBe(sha256);
  const others = await Promise.all([
    make({}, 8),
    make({ shapes: { x: [1, 2] } }),
    make({ dtypes: { x: 'f32' } }),
    make({ facts: { classes: 2 } }),
    make({ validation: undefined }),
  ]);
  expect(new Set([sha256, ...others.map((one) => one.sha256)]).size).toBe(6);
});

describe('one line says what is wrong with', () => {
  const x = (): { x: Float32Array } => ({ x: Float32Array.of(1) });
  let looks = 0;
  const cases: [string, () => unknown, string][] = [
    [
      'an error of load',
      () => {
        throw new Error('no such folder\nat all');
      },
      'things: expected load to give its rows, got an error: no such folder',
    ],
    [
      'a rejection of load',
      () => Promise.reject('of any kind'),
      'things: expected load to give its rows, got an error: of any kind',
    ],
    ['nothing', () => undefined, 'things: expected load to give { training, validation }, got nothing'],
    ['no rows to train on', () => ({}), 'things: training: expected rows, { size, at(index) }, got nothing'],
    ['a list', () => ({ training: [1] }), 'things: training: expected a size that is a whole number, got nothing'],
    [
      'a size that is none',
      () => ({ training: rows(2.5, x) }),
      'things: training: expected a size that is a whole number, got 2.5',
    ],
    ['no row', () => ({ training: rows(0, x) }), 'things: expected rows to train on, got none'],
    [
      'rows without `at`',
      () => ({ training: { size: 2 } }),
      'things: training: expected rows, { size, at(index) }, got Object',
    ],
    [
      'validation that is none',
      () => ({ training: rows(1, x), validation: 5 }),
      'things: validation: expected rows, { size, at(index) }, got a number',
    ],
    [
      'facts that JSON cannot hold',
      () => ({ training: rows(1, x), facts: { of: () => 1 } }),
      'things: expected facts that JSON can hold, got others',
    ],
    [
      'a row that is none',
      () => ({ training: rows(1, () => null as never) }),
      'things: row 0: expected named arrays, got nothing',
    ],
    [
      'a row without arrays',
      () => ({ training: rows(1, () => ({})) }),
      'things: row 0: expected named arrays, got none',
    ],
    [
      'a list for an array',
      () => ({ training: rows(1, () => ({ x: [1, 2] as never })) }),
      'things: row 0: x: expected a typed array, got a list',
    ],
    [
      'a number for an array',
      () => ({ training: rows(1, () => ({ x: 1 as never })) }),
      'things: row 0: x: expected a typed array, got a number',
    ],
    [
      '64-bit integers',
      () => ({ training: rows(1, () => ({ x: new BigInt64Array(1) as never })) }),
      'things: row 0: x: expected a typed array, got BigInt64Array',
    ],
    [
      'a name of the trainer’s',
      () => ({ training: rows(1, () => ({ positions: Uint32Array.of(1) })) }),
      'things: row 0: expected names other than random and positions, which the trainer gives, got positions',
    ],
    [
      'a name that is none',
      () => ({ training: rows(1, () => ({ 'a b': Uint32Array.of(1) })) }),
      'things: row 0: expected names of letters, digits and "_", got "a b"',
    ],
    [
      'another array',
      () => ({ training: rows(3, (i) => (i === 2 ? { y: Float32Array.of(1) } : x()) as never) }),
      'things: row 2: expected the arrays of the first row (x), got "y"',
    ],
    [
      'an array left out',
      () => ({ training: rows(3, (i) => (i === 2 ? {} : x()) as never) }),
      'things: row 2: x: expected a typed array, got nothing',
    ],
    [
      'another type',
      () => ({ training: rows(3, (i) => ({ x: i === 1 ? Int8Array.of(1) : Float32Array.of(1) })) }),
      'things: row 1: x: expected elements of f32 as in the first row, got i8',
    ],
    [
      'another type to validate on',
      () => ({ training: rows(1, x), validation: rows(1, () => ({ x: Uint8Array.of(1) })) }),
      'things: validation row 0: x: expected elements of f32 as in the first row, got u8',
    ],
    [
      'no element anywhere',
      () => ({ training: rows(2, () => ({ x: new Float32Array(0) })) }),
      'things: x: expected elements in some row, got none',
    ],
    [
      'a name that is that of lengths',
      () => ({ training: rows(2, (i) => ({ x: new Float32Array(1 + i), xLengths: Uint32Array.of(1) })) }),
      'things: expected no array named xLengths, which tells the lengths of x, got one',
    ],
    [
      'a shape of no array',
      () => ({ training: rows(1, x), shapes: { y: [1] } }),
      'things: shapes: expected names of arrays (x), got "y"',
    ],
    [
      'a shape of other size',
      () => ({ training: rows(1, x), shapes: { x: [2, 2] } }),
      'things: shapes.x: expected a shape of 1 elements, got [2, 2]',
    ],
    [
      'a shape that is none',
      () => ({ training: rows(1, x), shapes: { x: [1, -1] } }),
      'things: shapes.x: expected lengths of axes, of which the first may be -1, got [1, -1]',
    ],
    [
      'a row that does not fill its shape',
      () => ({ training: rows(2, (i) => ({ x: new Float32Array(4 + i) })), shapes: { x: [-1, 4] } }),
      'things: row 1: x: expected a multiple of 4 elements, as its shape says, got 5',
    ],
    [
      'a type that would lose digits',
      () => ({ training: rows(1, () => ({ x: Uint32Array.of(1) })), dtypes: { x: 'f32' } }),
      'things: dtypes.x: expected u32 of elements of u32, got "f32"',
    ],
    [
      'an error of its own',
      () => ({ training: rows(5, (i) => (i === 3 ? JSON.parse('{') : x())) }),
      'things: row 3: expected its arrays, got an error: ',
    ],
    [
      'rows that change',
      () => ({ training: rows(3, (i) => ({ x: Float32Array.of(1), y: Float32Array.of(i === 1 ? looks++ : 0) })) }),
      'things: row 1: y: expected the same bytes on every look, got others on the second',
    ],
    [
      'rows to validate on that change',
      () => ({ training: rows(1, x), validation: rows(40, () => ({ x: Float32Array.of(looks++) })) }),
      'things: validation row 0: x: expected the same bytes on every look, got others on the second',
    ],
  ];
  test.each(cases)('%s', async (_, load, message) => {
    const error = (await open(load).catch((thrown: unknown) => thrown)) as Error & { code: string };
    expect(error.message.split('\n')[0]).toContain(message);
    expect([error.code, error.message.split('\n').filter((line) => !line.startsWith('hint: ')).length]).toEqual([
      'CONFIG',
      1,
    ]);
  });
});
