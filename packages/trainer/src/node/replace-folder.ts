// Writing a folder so that its path holds the old content or the new, never a part: written beside, synced, renamed.
import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { makeFolders, writingBeside } from '@lockstep/nn/node';

/**
 * Puts a folder at `path` that `write` fills; it gets the path of an empty one beside, whose name begins with a dot. Files
 * are synced by whoever writes them. If `write` fails, `path` is left as it was, and errors of the system name it.
 */
export async function replaceFolder(path: string, write: (beside: string) => Promise<void>): Promise<void> {
  const [parent, name] = [dirname(path), basename(path)];
  const [beside, old] = [join(parent, `.${name}.new`), join(parent, `.${name}.old`)];
  await makeFolders(parent);
  await writingBeside({ beside, path }, async () => {
    await removeFolder(beside);
    await mkdir(beside);
    await write(beside);
    await syncFolder(beside);
    await removeFolder(old);
    await rename(path, old).catch(ignoreMissing);
    await rename(beside, path).catch(async (error: unknown) => {
      await rename(old, path).catch(ignoreMissing);
      throw error;
    });
  });
  await syncFolder(parent);
  await removeFolder(old);
}

/** Removes a folder and all it holds; at no moment does its path hold a part of it. */
export async function discardFolder(path: string): Promise<void> {
  const gone = join(dirname(path), `.${basename(path)}.gone`);
  await removeFolder(gone);
  await rename(path, gone).catch(ignoreMissing);
  await removeFolder(gone);
}

/**
 * Clears what somebody who was killed while replacing or discarding things in `folder` has left there: what is not whole goes,
 * and old content that has lost its place is put back. Only while nobody else writes there.
 */
export function clearUnfinished(folder: string): void {
  const names = existsSync(folder) ? readdirSync(folder) : [];
  for (const name of names) {
    const old = /^\.(.+)\.old$/.exec(name)?.[1];
    if (old !== undefined && !names.includes(old)) renameSync(join(folder, name), join(folder, old));
    else if (old !== undefined || leftover.test(name)) rmSync(join(folder, name), { recursive: true, force: true });
  }
}

/** The names of {@link replaceFolder} and {@link discardFolder}, and those of `replaceFile`. */
const leftover = /^\..+\.(new|gone)$|\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.tmp$/;

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
