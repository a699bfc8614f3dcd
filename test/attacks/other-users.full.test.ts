// What another user has left where this one writes generated kernels, and what a stranger's bench files cost, at the length they take.
import { readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { benchFile, measuredRow } from '../../packages/lockstep/src/bench/bench-file.fixture.ts';
import { folder, run, tinyRun } from '../cli.ts';

test('generated kernels are written through no link', async () => {
  const cwd = folder();
  const args = ['train', tinyRun, '--workers', '1', '--dump-kernels', join(cwd, 'kernels')];
  expect((await run(args, { cwd })).code).toBe(0);
  const first = join(cwd, 'kernels', readdirSync(join(cwd, 'kernels')).toSorted()[0]!);
  const precious = join(cwd, 'precious');
  writeFileSync(precious, 'precious');
  rmSync(first);
  symlinkSync(precious, first);
  const { code, stderr } = await run(args, { cwd });
  expect([code, stderr]).toEqual([2, expect.stringContaining('expected a file of its own, got a link')]);
  expect(readFileSync(precious, 'utf8')).toBe('precious');
});

test('bench files of as many rows as one may have are compared and shown in seconds', { timeout: 30_000 }, async () => {
  const cwd = folder();
  const rows = Array.from({ length: 20_000 }, (_, i) => ({ ...measuredRow(), op: `op${i}` }));
  writeFileSync(join(cwd, 'many.json'), JSON.stringify(benchFile(rows)));
  const compared = await run(['bench', 'compare', 'many.json', 'many.json'], { cwd });
  expect([compared.code, compared.stdout.trim().split('\n').length]).toEqual([0, 20_005]);
  expect((await run(['bench', 'report', 'many.json', '--out', 'many.html'], { cwd })).code).toBe(0);
});
