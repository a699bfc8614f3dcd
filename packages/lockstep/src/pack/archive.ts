// A folder as one compressed file.
import { stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { ConfigError } from '@lockstep/trainer';
import { runTool } from './run-tool.ts';

/**
 * Writes `folder` to `file` with tar and xz, owners and times left out; gives the file's size in bytes.
 * @throws {ConfigError} where the system lacks one of the two, or the file cannot be written.
 */
export async function archive(folder: string, file: string): Promise<number> {
  const options = ['--sort=name', '--owner=0', '--group=0', '--numeric-owner', '--mtime=@0'];
  const paths = ['-C', dirname(folder), '-cJf', file, basename(folder)];
  const env = { ...process.env, XZ_OPT: '-6 -T0' };
  await runTool('tar', [...options, ...paths], { env }).catch(({ message }: Error) => {
    throw new ConfigError(`pack: expected tar with xz to write ${file}, got ${message}`);
  });
  return (await stat(file)).size;
}
