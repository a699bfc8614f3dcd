// Reading files that others made or named. A name must stay in its folder, what is opened must be a file and no device or pipe that
// never ends, and a text is only read up to a limit. Links are followed: folders of models are made of them.
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { JsonShapeError, requireShallow } from '../json-members.ts';
import { quote } from '../quote.ts';

/** Opens a file to read. Rejects with an error whose `code` says why it cannot be, also where it is something else than a file. */
export async function openRegular(path: string): Promise<FileHandle> {
  // Without waiting: to open a pipe waits for who writes into it.
  const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  const status = await file.stat();
  if (status.isFile()) return file;
  await file.close();
  const kind = status.isDirectory() ? 'a folder' : status.isFIFO() ? 'a pipe' : 'a device or socket';
  throw Object.assign(new Error(`${path}: expected a file, got ${kind}`), { code: kind });
}

/** How {@link readJson} says no. */
export interface ReadJsonOptions {
  /** What the file is called in messages: `a readable file` unless given. */
  readonly what?: string;
  /** Bytes of the longest that is read. */
  readonly limit?: number;
  /** The class of what is thrown. */
  readonly error: new (message: string) => Error;
}

/** Reads JSON from a file. @throws the given class, for a file that is missing, too long, or no JSON. */
export async function readJson(
  path: string,
  { what = 'a readable file', limit = jsonLimit, error: Refusal }: ReadJsonOptions,
): Promise<unknown> {
  const text = await readText(path, limit).catch(({ code, message }: NodeJS.ErrnoException) => {
    throw new Refusal(`${path}: expected ${what}, got ${code ?? message}`);
  });
  try {
    requireShallow(text);
    return JSON.parse(text);
  } catch (error) {
    const got = error instanceof JsonShapeError ? error.message : quote(text.slice(0, 40));
    throw new Refusal(`${path}: expected JSON, got ${got}`);
  }
}

/** Reads a text of at most `limit` bytes. Rejects with an error whose `code` says why it cannot be. */
export async function readText(path: string, limit: number): Promise<string> {
  const file = await openRegular(path);
  try {
    const { size } = await file.stat();
    if (size > limit) throw Object.assign(new Error(path), { code: `${size} bytes, which is more than ${limit}` });
    return await readStart(file, size);
  } finally {
    await file.close();
  }
}

/** Whether `name` is one of a folder's own files, and no path that leads elsewhere. */
export function isPlainName(name: string): boolean {
  return /^[^/\\:\p{Cc}]{1,255}$/u.test(name) && name !== '.' && name !== '..';
}

const jsonLimit = 16 * 2 ** 20;

/** A file that grows meanwhile is read as far as it went. */
async function readStart(file: FileHandle, length: number): Promise<string> {
  const bytes = Buffer.alloc(length);
  let done = 0;
  for (let more = length > 0; more;) {
    const { bytesRead } = await file.read(bytes, done, length - done, done);
    done += bytesRead;
    more = bytesRead > 0 && done < length;
  }
  return bytes.toString('utf8', 0, done);
}
