// Making a folder, and those on the way to it, with an error that says why it cannot be made.
import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Makes sure that there is a folder at `path`. Rejects with the system's error. */
export async function makeFolders(path: string): Promise<void> {
  // Asked to make several, Node says of a disk that is read-only that there is no such folder.
  await mkdir(path, { recursive: true }).catch(() => makeOneByOne(path));
}

async function makeOneByOne(path: string): Promise<void> {
  const first = await makeOne(path);
  if (first?.code !== 'ENOENT' || dirname(path) === path) return failIf(first);
  await makeOneByOne(dirname(path));
  failIf(await makeOne(path));
}

async function makeOne(path: string): Promise<NodeJS.ErrnoException | undefined> {
  try {
    await mkdir(path);
    return undefined;
  } catch (error) {
    const isThere = await stat(path).then(
      (found) => found.isDirectory(),
      () => false,
    );
    return isThere ? undefined : (error as NodeJS.ErrnoException);
  }
}

function failIf(error: Error | undefined): void {
  if (error) throw error;
}
