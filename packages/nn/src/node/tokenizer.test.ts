import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ConfigError } from '@lockstep/errors';
import { characters } from '../tokenizers/characters.ts';
import { loadTokenizer, saveTokenizer } from './tokenizer.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lockstep-tokenizer-'));
});
afterEach(() => rm(folder, { recursive: true }));

test('a saved tokenizer loads from its folder and from its file', async () => {
  const tokenizer = characters('Call me Ishmael.');
  await saveTokenizer(folder, tokenizer);
  expect((await loadTokenizer(folder)).fingerprint).toBe(tokenizer.fingerprint);
  expect((await loadTokenizer(join(folder, 'tokenizer.json'))).fingerprint).toBe(tokenizer.fingerprint);
});

test('a folder without tokenizer.json, and one with a broken one, are ConfigErrors that name the file', async () => {
  const path = join(folder, 'tokenizer.json');
  await expect(loadTokenizer(folder)).rejects.toThrow(`got no file ${path}`);
  await writeFile(path, '{');
  await expect(loadTokenizer(folder)).rejects.toThrow(ConfigError);
});

test('a pipe, and JSON of endless depth, are ConfigErrors too', async () => {
  const path = join(folder, 'tokenizer.json');
  execFileSync('mkfifo', [path]);
  await expect(loadTokenizer(folder)).rejects.toThrow(`${path}: expected a readable file, got a pipe`);
  await rm(path);
  await writeFile(path, '['.repeat(1_000_000));
  await expect(loadTokenizer(folder)).rejects.toThrow(`${path}: expected JSON, got values nested more than 127 deep`);
});
