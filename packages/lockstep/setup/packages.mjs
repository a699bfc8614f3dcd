// Installs the JavaScript packages with pnpm at one pinned version, through npx: only Node and npm are asked for.
// @ts-check

import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { command } from './command.mjs';
import { root } from './root.mjs';
import { fingerprint, readStamp, writeStamp } from './stamp.mjs';

const pnpm = 'pnpm@10.34.8';

/** @returns {Promise<string>} what was done */
export async function installPackages() {
  if ((await readStamp('packages')) === (await state())) return 'up to date';
  const install = ['-y', pnpm, 'install', '--frozen-lockfile', '--prefer-offline', '--reporter=append-only'];
  // CI: never ask a question. The other: pnpm must not look for a newer version of itself.
  const output = await command('npx', install, { env: { CI: 'true', NPM_CONFIG_UPDATE_NOTIFIER: 'false' } });
  await writeStamp('packages', await state());
  const added = /added (\d+)/.exec(output.slice(output.lastIndexOf('Progress:')))?.[1];
  return added === undefined || added === '0' ? 'checked' : `installed ${added} packages`;
}

/** What is asked for (the lockfile) and what is there (pnpm's own record, rewritten by every install). */
async function state() {
  const asked = ['pnpm-lock.yaml', 'pnpm-workspace.yaml'].map((file) => readFile(join(root, file), 'utf8'));
  const there = stat(join(root, 'node_modules/.modules.yaml')).then(
    ({ mtimeMs }) => String(mtimeMs),
    () => 'nothing installed',
  );
  return fingerprint(await Promise.all([...asked, there]));
}
