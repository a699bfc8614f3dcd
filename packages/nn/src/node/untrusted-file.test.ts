import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { CheckpointError } from '@lockstep/errors';
import { isPlainName, readJson } from './untrusted-file.ts';

let folder = '';
let path = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lockstep-untrusted-'));
  path = join(folder, 'file.json');
});
afterEach(() => rm(folder, { recursive: true }));

test('JSON is read through a link', async () => {
  await writeFile(path, '{"a":"é"}');
  await symlink('file.json', join(folder, 'link.json'));
  expect(await readJson(join(folder, 'link.json'), { error: CheckpointError })).toEqual({ a: 'é' });
});

test.each<[string, () => Promise<unknown>, string]>([
  ['nothing', async () => {}, 'expected a record, got ENOENT'],
  ['a folder', async () => (path = folder), 'expected a record, got a folder'],
  ['a pipe into which nobody writes', async () => execFileSync('mkfifo', [path]), 'expected a record, got a pipe'],
  ['a device without end', async () => (path = '/dev/zero'), 'expected a record, got a device or socket'],
  ['a file beyond the limit', () => writeFile(path, 'x'.repeat(101)), 'got 101 bytes, which is more than 100'],
  ['an empty file', () => writeFile(path, ''), 'expected JSON, got ""'],
  ['half of it', () => writeFile(path, '{"a\u009b31m'), 'expected JSON, got a text without end'],
  ['no JSON', () => writeFile(path, 'a\u009b31m'), 'expected JSON, got "a\\u009b31m"'],
  ['values in values', () => writeFile(path, '['.repeat(99)), 'expected JSON, got a value without end'],
])('%s is refused in one line that names it', async (_, make, message) => {
  await make();
  const reading = readJson(path, { what: 'a record', limit: 100, error: CheckpointError });
  await expect(reading).rejects.toThrow(CheckpointError);
  await expect(reading).rejects.toThrow(`${path}: `);
  await expect(reading).rejects.toThrow(message);
});

test('values nested a million deep are refused, not walked through', async () => {
  await writeFile(path, `{"a":${'['.repeat(1e6)}${']'.repeat(1e6)}}`);
  const reading = readJson(path, { error: CheckpointError });
  await expect(reading).rejects.toThrow(`${path}: expected JSON, got values nested more than 127 deep`);
});

test('a name is plain where it is that of a file in the same folder', () => {
  expect(['model.safetensors', 'a b', 'é', '...', '.hidden'].every(isPlainName)).toBe(true);
  const others = ['', '.', '..', 'a/b', '/a', '../a', 'a\\b', 'C:a', 'a\0', 'a\n', 'a\u009b', 'x'.repeat(256)];
  expect(others.filter(isPlainName)).toEqual([]);
});
