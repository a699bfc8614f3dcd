// What is being written beside the place that it is for: it never outlives the writing, however that ends.
import { rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';

const unfinished = new Set<string>();

/**
 * Runs `write`, which puts a file or folder at `beside`, to be moved to `path`. Whatever still lies at `beside` when `write` fails
 * is removed, also when the process exits meanwhile. Errors of the system name `path`.
 */
export async function writingBeside(
  { beside, path }: { beside: string; path: string },
  write: () => Promise<void>,
): Promise<void> {
  if (unfinished.size === 0) process.on('exit', removeAll);
  unfinished.add(beside);
  try {
    await write();
  } catch (error) {
    await rm(beside, { recursive: true, force: true }).catch(() => undefined); // why it failed is what counts
    throw atPath(path, error);
  } finally {
    unfinished.delete(beside);
    if (unfinished.size === 0) process.off('exit', removeAll);
  }
}

/** Makes an error of the system tell where it happened: of an open file, Node names none. Any other is left as it is. */
export function atPath(path: string, error: unknown): unknown {
  if (typeof (error as NodeJS.ErrnoException | undefined)?.errno !== 'number') return error;
  return Object.assign(error as Error, { path, dest: undefined });
}

function removeAll(): void {
  for (const path of unfinished) {
    try {
      rmSync(path, { recursive: true, force: true });
    } catch {
      // The place may have become unwritable, which is no reason to end otherwise.
    }
  }
}
