// Where prepared data is kept between runs: in a folder that is this user's alone, for what lies in it is believed.
import { existsSync, lstatSync, statSync, type Stats } from 'node:fs';
import { access, constants } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { makeFolders } from '@lockstep/nn/node';
import { ConfigError } from '@lockstep/errors';
import { isOwner } from '../own-file.ts';

/** Group and others. */
const writableByOthers = 0o022;

/**
 * The cache folder for work that starts in `from`: `LOCKSTEP_CACHE`, else `node_modules/.cache/lockstep` of the nearest package that has
 * its dependencies installed, else `~/.cache/lockstep`, which is also taken where the package is another user's. Of a folder into which
 * others can write, a subfolder of this user's own is taken. Creates it; throws ConfigError if that fails.
 */
export async function cacheFolder(from: string): Promise<string> {
  const wish = process.env['LOCKSTEP_CACHE'];
  if (wish) return privateFolder(wish);
  const modules = nearestModules(from);
  const home = join(homedir(), '.cache', 'lockstep');
  if (modules === undefined) return privateFolder(home);
  return privateFolder(join(modules, '.cache', 'lockstep')).catch(() => privateFolder(home));
}

/**
 * The cache folder for what is looked for from anywhere, such as the code that runs were trained with: `LOCKSTEP_CACHE`, else
 * `~/.cache/lockstep`, else that of work that starts in `from`.
 */
export async function userCacheFolder(from: string): Promise<string> {
  if (process.env['LOCKSTEP_CACHE']) return cacheFolder(from);
  return privateFolder(join(homedir(), '.cache', 'lockstep')).catch(() => cacheFolder(from));
}

async function privateFolder(folder: string): Promise<string> {
  await makePrivate(folder);
  if (isPrivate(statSync(folder), folder)) return writable(folder);
  const own = join(folder, `lockstep-${process.geteuid?.() ?? ''}`);
  await makePrivate(own);
  if (isPrivate(lstatSync(own), folder)) return own;
  throw refusal(`another user's, or one that others write to, at ${own}`);
}

async function writable(folder: string): Promise<string> {
  await access(folder, constants.W_OK).catch((error: NodeJS.ErrnoException) => {
    throw refusal(`${error.code} for ${folder}`);
  });
  return folder;
}

/** No link, of this user's, and nobody else writes to it. */
function isPrivate(status: Stats, folder: string): boolean {
  if (process.platform === 'win32') return true;
  return status.isDirectory() && isOwner(status, folder) && (status.mode & writableByOthers) === 0;
}

async function makePrivate(folder: string): Promise<void> {
  await makeFolders(folder, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    throw refusal(`${error.code} for ${folder}`);
  });
}

const refusal = (got: string): ConfigError =>
  new ConfigError(
    `text: expected a cache folder that can be written, got ${got}\nhint: set LOCKSTEP_CACHE to another folder`,
  );

function nearestModules(folder: string): string | undefined {
  const modules = join(folder, 'node_modules');
  if (existsSync(join(folder, 'package.json')) && existsSync(modules)) return modules;
  const parent = dirname(folder);
  return parent === folder ? undefined : nearestModules(parent);
}
