// All ops under other adapters than this machine's own: one that can no more than WebGPU promises, and SwiftShader, which comes with Chromium.
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify, stripVTControlCharacters } from 'node:util';
import { expect, test } from 'vitest';
import { folder, run, tinyRun } from './cli.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const vitest = join(root, 'node_modules/vitest/vitest.mjs');

async function judgeOps(environment: Record<string, string>): Promise<string> {
  // What it counts is counted here, not by whoever counts this test.
  const { LOCKSTEP_TEST_FULL: _full, LOCKSTEP_TEST_COUNTS: _counts, ...env } = process.env;
  const args = [vitest, 'run', '--config', 'test/vitest.config.ts', 'test/ops.test', '--no-color'];
  const options = { cwd: root, env: { ...env, ...environment }, maxBuffer: 1 << 28 };
  const { stdout } = await promisify(execFile)(process.execPath, args, options).catch(
    (error: { stdout: string }) => error,
  );
  return stripVTControlCharacters(stdout);
}

test('all ops hold on an adapter with the limits that WebGPU promises', { timeout: 900_000 }, async () => {
  expect(await judgeOps({ LOCKSTEP_TEST_LIMITS: 'default' })).toMatch(/^\d{4} passed, 0 failed, 0 skipped$/m);
});

const browser = process.env['LOCKSTEP_CHROMIUM'] ?? '/usr/bin/chromium';
const manifest = ['/usr/lib/chromium', dirname(browser)]
  .map((folder) => join(folder, 'vk_swiftshader_icd.json'))
  .find((file) => existsSync(file));

test.skipIf(manifest === undefined)('all ops hold on SwiftShader', { timeout: 1_200_000 }, async () => {
  const log = await judgeOps({ VK_DRIVER_FILES: manifest!, VK_ICD_FILENAMES: manifest! });
  expect(log).toMatch(/^\d{4} passed, 0 failed, 0 skipped$/m);
});

test.skipIf(manifest === undefined)(
  'what a run computes is recorded alike on any adapter, for any number of workers and passes',
  { timeout: 300_000 },
  async () => {
    const recorded = async (args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<unknown> => {
      const cwd = folder();
      const { code, stderr } = await run(['train', tinyRun, '--steps', '2', ...args], { cwd, env });
      expect([code, stderr]).toEqual([0, expect.anything()]);
      const record = readFileSync(join(cwd, 'runs/tiny/run.json'), 'utf8');
      return (JSON.parse(record) as { mathematics: unknown }).mathematics;
    };
    const swiftShader = { VK_DRIVER_FILES: manifest!, VK_ICD_FILENAMES: manifest! };
    const own = await recorded(['--workers', '1']);
    expect(own).toHaveProperty('gradient');
    expect(await recorded(['--workers', '3', '--memory', '1MiB'])).toEqual(own);
    expect(await recorded(['--workers', '1'], swiftShader)).toEqual(own);
  },
);
