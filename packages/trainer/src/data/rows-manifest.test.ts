import { describe, expect, test } from 'vitest';
import { memoryBytes } from './chunks.ts';
import { openPart } from './row-store.ts';
import { decodeManifest, encodeManifest, type RowsManifest } from './rows-manifest.ts';
import { writeRows } from './write-rows.ts';

/** Rows of 1, 2 or 3 bytes and a number, and what is said of them. */
async function written(): Promise<{ manifest: RowsManifest; bytes: Uint8Array }> {
  const chunks: Uint8Array[] = [];
  const at = (i: number): Record<string, Uint8Array | Float32Array> => ({
    bytes: new Uint8Array(1 + (i % 3)).fill(i),
    number: Float32Array.of(i),
  });
  const loaded = { training: { size: 9, at }, validation: { size: 3, at: () => at(1) } };
  const manifest = await writeRows(loaded, { who: 'rows', sink: (chunk) => void chunks.push(chunk) });
  return { manifest, bytes: chunks[0]! };
}

const change = (manifest: RowsManifest, part: object): RowsManifest =>
  decodeManifest(encodeManifest({ ...manifest, ...part } as RowsManifest));

test('a manifest is JSON that comes back as it was', async () => {
  const { manifest } = await written();
  expect(decodeManifest(encodeManifest(manifest))).toEqual(manifest);
  expect(manifest).toMatchObject({
    arrays: [
      { name: 'number', stored: 'f32', dtype: 'f32', shape: [] },
      { name: 'bytes', stored: 'u8', dtype: 'u32', shape: [3], perLength: 1 },
    ],
    training: { count: 9, start: 0, rows: { index: 9 * 4 + 18 } },
    validation: { count: 3, start: 9 * 4 + 18 + 9 * 16, rows: { lengths: [1, 2] } },
  });
});

describe('a manifest is refused that', () => {
  const cases: [string, (manifest: RowsManifest) => object][] = [
    ['is of another version', () => ({ version: 2 })],
    ['has no array', () => ({ arrays: [] })],
    ['has rows behind its bytes', ({ training }) => ({ training: { ...training, count: 10_000 } })],
    ['has an index behind its bytes', ({ training }) => ({ training: { ...training, rows: { index: 190 } } })],
    ['has an index before its rows', ({ training }) => ({ training: { ...training, start: 60 } })],
    ['has lengths of other arrays', ({ validation }) => ({ validation: { ...validation, rows: { lengths: [1] } } })],
    [
      'has rows longer than the longest',
      ({ validation }) => ({ validation: { ...validation, rows: { lengths: [1, 4] } } }),
    ],
    [
      'has a shape larger than its bytes',
      ({ arrays }) => ({ arrays: [arrays[0], { ...arrays[1], shape: [2 ** 31, 2 ** 31] }] }),
    ],
    ['has a type that would lose digits', ({ arrays }) => ({ arrays: [{ ...arrays[0], dtype: 'u32' }, arrays[1]] })],
    ['lacks the sha256 of a chunk', () => ({ chunks: [] })],
    ['names no sha256', () => ({ chunks: ['../../x'] })],
  ];
  test.each(cases)('%s', async (_, part) => {
    const { manifest } = await written();
    expect(() => change(manifest, part(manifest))).toThrow('a manifest of another form');
  });
});

describe('an index is refused that', () => {
  test.each([
    ['leads behind the rows', Float64Array.of(54), undefined],
    ['leads between bytes', Float64Array.of(0.5), undefined],
    ['leads nowhere', Float64Array.of(NaN), undefined],
    ['leads before the rows', Float64Array.of(-1), undefined],
    ['tells of longer rows than the longest', undefined, Uint32Array.of(1, 4)],
  ])('%s', async (_, place, lengths) => {
    const { manifest, bytes } = await written();
    const record = 54 + 3 * 16;
    if (place) bytes.set(new Uint8Array(place.buffer), record);
    if (lengths) bytes.set(new Uint8Array(lengths.buffer), record + 8);
    const rows = openPart(memoryBytes([bytes]), manifest.arrays, manifest.training);
    expect(rows.read(2)).toEqual([Float32Array.of(2), Uint8Array.of(2, 2, 2)]);
    expect(() => rows.read(3)).toThrow('data: expected a place for row 3 in the index of its rows, got another');
  });
});
