import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gpt, sgd } from '@lockstep/nn';
import { constant, defineRun, text } from '@lockstep/trainer';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { LaunchPlan } from './plan-launch.ts';
import { RunFolder } from './run-folder.ts';

const run = defineRun({
  name: 'tiny',
  model: gpt({ layers: 1, heads: 1, width: 16, context: 16 }),
  data: text('./text.txt', { tokenizer: 'bytes' }),
  optimizer: sgd(),
  schedule: constant({ peak: 0.1 }),
  batch: 8,
  steps: 10,
});

const before = { cwd: process.cwd(), umask: process.umask() };
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lockstep-runs-'));
  process.chdir(folder);
});
afterEach(() => {
  process.chdir(before.cwd);
  process.umask(before.umask);
  rmSync(folder, { recursive: true });
});

/** The mode of `parent` once a run in it has been resumed for its group to read. */
async function modeOfParent(parent: string, out: string | undefined): Promise<string> {
  const root = join(parent, 'tiny');
  mkdirSync(root, { recursive: true });
  chmodSync(parent, 0o700);
  const resumed = { root, record: { run } } as unknown as NonNullable<LaunchPlan['resumed']>;
  (await RunFolder.take({ run, out, resumed, share: 'group' })).release();
  return (statSync(parent).mode & 0o777).toString(8);
}

it('lets the group through the folder of runs, also to a run that is gone on with', async () => {
  expect(await modeOfParent('runs', undefined)).toBe('710');
  expect(await modeOfParent('runs', './runs/tiny')).toBe('710');
  expect(await modeOfParent(join(folder, 'mine'), join(folder, 'mine', 'tiny'))).toBe('700');
});
