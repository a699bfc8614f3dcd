// A file that somebody else made, at the length it takes to see it given up.
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { folder, run, tinyRun } from '../cli.ts';

test('a tokenizer.json whose regular expression never ends is given up with one line, and nothing is left running', async () => {
  const cwd = folder();
  const trained = await run(['train', tinyRun, '--steps', '1', '--out', 'run'], { cwd });
  expect(trained.code, trained.stderr).toBe(0);
  const model = join(cwd, 'model');
  cpSync(join(cwd, 'run/model'), model, { recursive: true });
  const path = join(model, 'tokenizer.json');
  const json = JSON.parse(readFileSync(path, 'utf8')) as object;
  const pre_tokenizer = { type: 'Split', pattern: { Regex: '(a+)+$' }, behavior: 'Isolated', invert: false };
  writeFileSync(path, JSON.stringify({ ...json, pre_tokenizer }));
  const { code, stderr } = await run(['generate', model, '--prompt', `${'a'.repeat(21)}b`.repeat(5_000)], { cwd });
  expect([code, stderr]).toEqual([2, expect.stringMatching(/^error .*expected a tokenizer\.json that answers within/)]);
}, 300_000);
