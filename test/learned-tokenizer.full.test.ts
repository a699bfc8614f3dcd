// A run that learns its tokenizer from its own text, through the built command.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Tokenizer } from 'tokenizers';
import { expect, test } from 'vitest';
import { folder, run, train } from './cli.ts';

test('a learned tokenizer is the same for every number of workers, lies with the model, and generates', async () => {
  const cwd = folder();
  const out = join(cwd, 'run');
  const learned = ['--set', 'data.tokenizer={"kind":"bpe","vocab":320}', '--steps', '2'];
  const {
    workers: _,
    tokensPerSecond: __,
    ...alone
  } = await train(['--workers', '1', '--out', out, ...learned], { cwd });
  expect(await train(['--workers', '2', ...learned])).toMatchObject({ ...alone, workers: 2 });
  const stored = Tokenizer.fromString(readFileSync(join(out, 'model', 'tokenizer.json'), 'utf8'));
  expect(stored.getVocabSize(true)).toBe(320);
  const { code, stdout, stderr } = await run(['generate', out, '--prompt', 'the tide', '--tokens', '3'], { cwd });
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(/^the tide/);
});
