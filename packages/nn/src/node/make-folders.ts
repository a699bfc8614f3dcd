// Making a folder, and those on the way to it, with an error that says why it cannot be made.
import { mkdir, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

/** Rights to what is made, less what the umask takes. */
interface Rights {
  readonly mode?: number;
}

/** Makes sure that there is a folder at `path`. Rejects with the system's error. */
export async function makeFolders(path: string, { mode = 0o777 }: Rights = {}): Promise<void> {
  // Node never comes to an end with a relative path whose working directory is gone; from the root it does.
  const whole = resolve(path);
  // Asked to make several, Node says of a disk that is read-only that there is no such folder.
  await mkdir(whole, { recursive: true, mode }).catch(() => makeOneByOne(whole, mode));
}

async function makeOneByOne(path: string, mode: number): Promise<void> {
  const first = await makeOne(path, mode);
  if (first?.code !== 'ENOENT' || dirname(path) === path) return failIf(first);
  await makeOneByOne(dirname(path), mode);
  failIf(await makeOne(path, mode));
}

async function makeOne(path: string, mode: number): Promise<NodeJS.ErrnoException | undefined> {
  try {
    await mkdir(path, { mode });
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
