// Installs the JavaScript packages with pnpm at one pinned version, through npx: only Node and npm are asked for.
// @ts-check

import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { command } from './command.mjs';
import { root } from './root.mjs';
import { fingerprint, readStamp, writeStamp } from './stamp.mjs';

export const pnpm = 'pnpm@10.34.8';

/**
 * Installs what the lockfile says, unless that is what is there.
 * @param {{ peers?: boolean }} [options] `peers` adds the frameworks the benchmark compares with, half of all bytes
 * @returns {Promise<string>} what was done
 */
export async function installPackages({ peers = false } = {}) {
  const done = await readStamp('packages');
  const [all, own] = [await state('all'), await state('own')];
  if (done === all || (done === own && !peers)) return 'up to date';
  const filter = peers ? [] : ['--filter', '!@lockstep/bench'];
  const install = ['-y', pnpm, 'install', '--frozen-lockfile', '--prefer-offline', '--reporter=append-only', ...filter];
  // CI: never ask a question.
  const output = await command('npx', install, { env: { CI: 'true' } });
  await writeStamp('packages', await state(peers ? 'all' : 'own'));
  const added = Array.from(output.matchAll(/added (\d+)/g)).at(-1)?.[1] ?? '0';
  return added === '0' ? 'checked' : `${added} installed`;
}

/**
 * What is asked for (the lockfile) and what is there (pnpm's own record, rewritten by every install).
 * @param {'all' | 'own'} extent
 */
async function state(extent) {
  const asked = ['pnpm-lock.yaml', 'pnpm-workspace.yaml'].map((file) => readFile(join(root, file), 'utf8'));
  const there = stat(join(root, 'node_modules/.modules.yaml')).then(
    ({ mtimeMs }) => String(mtimeMs),
    () => 'nothing installed',
  );
  return fingerprint([extent, ...(await Promise.all([...asked, there]))]);
}
