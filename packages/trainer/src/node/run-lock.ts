// One launcher at a time per run folder. The lock is a file that names its process; one whose process is gone does not count.
import { rmSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError } from '../errors.ts';

/**
 * Takes a run's folder for this process, until it ends or the returned function is called.
 * @throws {ConfigError} while another process has it.
 */
export async function lockRun(root: string): Promise<() => void> {
  const path = join(root, 'lock');
  for (;;) {
    if (await take(path)) return holding(path);
    const holder = Number(await readFile(path, 'utf8').catch(() => ''));
    if (isRunning(holder)) {
      throw new ConfigError(
        `--resume: expected a run that nobody trains, got ${root}, which process ${holder} trains\nhint: if it does not, remove ${path}`,
      );
    }
    await rm(path, { force: true });
  }
}

function holding(path: string): () => void {
  const release = (): void => {
    process.off('exit', release);
    rmSync(path, { force: true });
  };
  process.on('exit', release);
  return release;
}

async function take(path: string): Promise<boolean> {
  try {
    await writeFile(path, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function isRunning(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
