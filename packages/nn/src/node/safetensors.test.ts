import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { CheckpointError } from '@lockstep/errors';
import { encodeSafetensors } from '../safetensors.ts';
import { loadSafetensors, openSafetensors, saveSafetensors } from './safetensors.ts';

let folder = '';
let path = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lockstep-safetensors-'));
  path = join(folder, 'model.safetensors');
});
afterEach(() => rm(folder, { recursive: true }));

const tensors = new Map([
  ['b', { shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) }],
  ['a', { shape: [3], data: Float32Array.of(5, 6, 7) }],
]);

test('a saved file holds the bytes that encodeSafetensors makes, and loads as what was saved', async () => {
  await saveSafetensors(path, tensors, { format: 'pt' });
  expect(new Uint8Array(await readFile(path))).toEqual(encodeSafetensors(tensors, { format: 'pt' }));
  const loaded = await loadSafetensors(path);
  for (const [name, { shape, data }] of tensors) expect(loaded.get(name)).toEqual({ dtype: 'F32', shape, data });
  expect(await readdir(folder)).toEqual(['model.safetensors']);
});

test('numbers are fetched one tensor at a time, in the order of the file', async () => {
  const log: string[] = [];
  const fetched = (name: string): { shape: number[]; data: () => Promise<Float32Array> } => ({
    shape: [1],
    data: async () => {
      log.push(`${name} wanted`);
      await Promise.resolve();
      log.push(`${name} given`);
      return Float32Array.of(name.length);
    },
  });
  await saveSafetensors(path, [
    ['y', fetched('y')],
    ['x', fetched('x')],
  ]);
  expect(log).toEqual(['x wanted', 'x given', 'y wanted', 'y given']);
});

test('a failed save leaves the file that was there, and nothing beside it', async () => {
  await saveSafetensors(path, tensors);
  const before = await readFile(path);
  const failing = { shape: [1], data: (): Promise<Float32Array> => Promise.reject(new Error('device lost')) };
  await expect(
    saveSafetensors(path, [
      ['a', { shape: [1], data: Float32Array.of(1) }],
      ['b', failing],
    ]),
  ).rejects.toThrow('device lost');
  expect(await readFile(path)).toEqual(before);
  expect(await readdir(folder)).toEqual(['model.safetensors']);
});

test('an open file reads the tensors asked for and no other', async () => {
  await saveSafetensors(path, tensors, { step: '3' });
  const file = await openSafetensors(path);
  // Whatever lies after "a" is cut off; "a" must still be readable, "b" must not.
  await truncate(path, (await readFile(path)).length - 4);
  expect(file.metadata).toEqual({ step: '3' });
  expect((await file.read('a')).data).toEqual(Float32Array.of(5, 6, 7));
  await expect(file.read('b')).rejects.toThrow(CheckpointError);
  await expect(file.read('c')).rejects.toThrow('expected a tensor "c", got none of that name');
  await file.close();
});

test.each([
  ['a missing file', async () => {}, 'expected a readable safetensors file, got ENOENT'],
  ['an empty file', () => writeFile(path, ''), 'at least 8 bytes, got 0'],
  ['a text file', () => writeFile(path, 'Call me Ishmael. Some years ago'), 'a header of at most 100000000 bytes'],
])('%s is refused with its path', async (_, prepare, message) => {
  await prepare();
  await expect(loadSafetensors(path)).rejects.toThrow(CheckpointError);
  await expect(loadSafetensors(path)).rejects.toThrow(`${path}: expected`);
  await expect(loadSafetensors(path)).rejects.toThrow(message);
});

test('a folder is refused as a checkpoint, not as a bug', async () => {
  await expect(openSafetensors(folder)).rejects.toThrow(CheckpointError);
});
