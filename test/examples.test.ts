// The scripts that users are shown do what they say, if not for as long. All of them, at full length: examples.full.test.ts.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { folder, run } from './cli.ts';
import { example, trainExample } from './examples.ts';

const short = ['--steps', '3', '--set', 'validation.every=3', '--set', 'validation.batches=1'];

test('modern is trained, and a probe says what it computes inside', async () => {
  const out = join(folder(), 'modern');
  await trainExample('modern', [...short, '--out', out]);
  expect(existsSync(join(out, 'model'))).toBe(true);
  const { code, stdout, stderr } = await run(['run', example('probe'), '--', out]);
  expect(code, stderr).toBe(0);
  expect(stdout).toMatch(/3072 numbers of the first projection\n"C.*" decides [\d.]+\n/);
});
