// Where prepared data is kept between runs.
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { makeFolders } from '@lockstep/nn/node';
import { ConfigError } from '../../errors.ts';

/**
 * The cache folder for work that starts in `from`: `LOCKSTEP_CACHE`, else `node_modules/.cache/lockstep` of the nearest package that has
 * its dependencies installed, else `~/.cache/lockstep`. Creates it; throws ConfigError if that fails.
 */
export async function cacheFolder(from: string): Promise<string> {
  const folder = process.env['LOCKSTEP_CACHE'] || join(nearestModules(from) ?? homedir(), '.cache', 'lockstep');
  await makeFolders(folder).catch((error: NodeJS.ErrnoException) => {
    throw new ConfigError(
      `text: expected a cache folder that can be written, got ${error.code} for ${folder}\n` +
        'hint: set LOCKSTEP_CACHE to another folder',
    );
  });
  return folder;
}

function nearestModules(folder: string): string | undefined {
  const modules = join(folder, 'node_modules');
  if (existsSync(join(folder, 'package.json')) && existsSync(modules)) return modules;
  const parent = dirname(folder);
  return parent === folder ? undefined : nearestModules(parent);
}
