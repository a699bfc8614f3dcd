// Writing a folder so that its path holds the old content or the new, never a part: written beside, synced, renamed.
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/**
 * Puts a folder at `path` that `write` fills; it gets the path of an empty one beside, whose name begins with a dot. Files
 * are synced by whoever writes them. If `write` fails, `path` is left as it was.
 */
export async function replaceFolder(path: string, write: (beside: string) => Promise<void>): Promise<void> {
  const [parent, name] = [dirname(path), basename(path)];
  const [beside, old] = [join(parent, `.${name}.new`), join(parent, `.${name}.old`)];
  await mkdir(parent, { recursive: true });
  await removeFolder(beside);
  await mkdir(beside);
  try {
    await write(beside);
    await syncFolder(beside);
  } catch (error) {
    await removeFolder(beside);
    throw error;
  }
  await removeFolder(old);
  await rename(path, old).catch(ignoreMissing);
  await rename(beside, path);
  await syncFolder(parent);
  await removeFolder(old);
}

/** Removes a folder and all it holds; at no moment does its path hold a part of it. */
export async function discardFolder(path: string): Promise<void> {
  const old = join(dirname(path), `.${basename(path)}.old`);
  await removeFolder(old);
  await rename(path, old).catch(ignoreMissing);
  await removeFolder(old);
}

const removeFolder = (path: string): Promise<void> => rm(path, { recursive: true, force: true });

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}

/** Makes renames durable, where the system can open a folder (Windows cannot, and does not need it). */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r').catch(() => undefined);
  await folder?.sync().catch(() => undefined);
  await folder?.close();
}
