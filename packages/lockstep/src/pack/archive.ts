// A folder as one compressed file.
import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { promisify } from 'node:util';
import { ConfigError } from '@lockstep/trainer';

const execute = promisify(execFile);

/**
 * Writes `folder` to `file` with tar and xz, owners and times left out; gives the file's size in bytes.
 * @throws {ConfigError} where the system lacks one of the two, or the file cannot be written.
 */
export async function archive(folder: string, file: string): Promise<number> {
  const options = ['--sort=name', '--owner=0', '--group=0', '--numeric-owner', '--mtime=@0'];
  const paths = ['-C', dirname(folder), '-cJf', file, basename(folder)];
  try {
    await execute('tar', [...options, ...paths], { env: { ...process.env, XZ_OPT: '-6 -T0' } });
  } catch (error) {
    const words = String((error as { stderr?: string }).stderr || (error as Error).message).trim();
    throw new ConfigError(`pack: expected tar with xz to write ${file}, got ${words.split('\n').at(-1)}`);
  }
  return (await stat(file)).size;
}
