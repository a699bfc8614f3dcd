// Writing a file so that its path holds the old content or the new, never a part: written beside, synced, renamed.
import { randomUUID } from 'node:crypto';
import { open, rename, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { writingBeside } from './unfinished.ts';

/**
 * Writes `path` by `write`, which gets an empty file that takes its place once everything lies on the disk.
 * If `write` or the disk fails, `path` is left as it was, and the error names it. Several processes may replace one path: the last to finish stays.
 * `mode`: the rights to the file, less what the umask takes.
 */
export async function replaceFile(
  path: string,
  write: (file: FileHandle) => Promise<void>,
  { mode = 0o666 }: { mode?: number } = {},
): Promise<void> {
  const beside = `${path}.${randomUUID()}.tmp`;
  await writingBeside({ beside, path }, async () => {
    await writeAndSync(beside, write, mode);
    await rename(beside, path);
  });
  await syncFolder(dirname(path));
}

async function writeAndSync(path: string, write: (file: FileHandle) => Promise<void>, mode: number): Promise<void> {
  const file = await open(path, 'wx', mode);
  try {
    await write(file);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Makes the rename itself durable, where the system can open a folder (Windows cannot, and does not need it). */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r').catch(() => undefined);
  await folder?.sync().catch(() => undefined);
  await folder?.close();
}
