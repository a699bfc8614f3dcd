// Rows in files of the cache: `<sha256>.rows.json` is their manifest, by whose sha256 they are known; beside it, `<sha256>.rows` has their
// bytes. Files are believed where they are this user's own: the manifest when it is opened, bytes chunk by chunk when they are first read.
import { createHash, randomUUID } from 'node:crypto';
import { closeSync, constants, fstatSync, readFileSync, readSync } from 'node:fs';
import { type FileHandle, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { CheckpointError } from '@lockstep/nn';
import { replaceFile } from '@lockstep/nn/node';
import { type ByteSource, chunkBytes } from '../../data/chunks.ts';
import type { Dataset } from '../../data/dataset.ts';
import { RowsDataset } from '../../data/rows-dataset.ts';
import { decodeManifest, encodeManifest, type RowsManifest } from '../../data/rows-manifest.ts';
import { writeRows } from '../../data/write-rows.ts';
import { openOwnFile, privateMode } from '../own-file.ts';

/**
 * Writes all rows that somebody's code gives to files of `folder`, and opens them. A chunk of them is held at a time.
 * @throws {ConfigError} for what are no rows, or rows of another form than the first.
 */
export async function keepRows(name: string, loaded: unknown, { folder }: { folder: string }): Promise<Dataset> {
  await removeAbandoned(folder);
  const unnamed = join(folder, `${unnamedPrefix}${randomUUID()}`);
  let manifest!: RowsManifest;
  const write = async (file: FileHandle): Promise<void> => {
    manifest = await writeRows(loaded, { who: name, sink: (chunk) => file.writeFile(chunk) });
  };
  await replaceFile(unnamed, write, { mode: privateMode });
  const json = encodeManifest(manifest);
  const sha256 = createHash('sha256').update(json).digest('hex');
  const path = manifestPath(folder, sha256);
  await rename(unnamed, bytesPath(path));
  await replaceFile(path, (file) => file.writeFile(json), { mode: privateMode });
  return openRows(name, { path, sha256 });
}

/** Rows have no name before the last of them is written. */
const unnamedPrefix = '.rows-';
const dayMs = 86_400_000;

/** Whoever was killed while it wrote rows has left them behind. */
async function removeAbandoned(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    if (!name.startsWith(unnamedPrefix)) continue;
    const status = await stat(path).catch(() => undefined);
    if (status && Date.now() - status.mtimeMs > dayMs) await rm(path, { force: true });
  }
}

/** Where the manifest of rows lies. */
export const manifestPath = (folder: string, sha256: string): string => join(folder, `${sha256}.rows.json`);

const bytesPath = (manifest: string): string => join(dirname(manifest), basename(manifest, '.json'));

/**
 * Opens rows by the path of their manifest, and its sha256.
 * @throws {CheckpointError} for files that are missing, another user's, or not what their name says.
 */
export function openRows(name: string, { path, sha256 }: { path: string; sha256: string }): Dataset {
  try {
    const json = readOwn(path);
    if (createHash('sha256').update(json).digest('hex') !== sha256)
      throw new Error('other content than its sha256 says');
    const manifest = decodeManifest(json);
    const bytes = openBytes(bytesPath(path), { name, manifest });
    return new RowsDataset({ name, sha256, manifest, bytes, path });
  } catch (error) {
    const [got] = (error as Error).message.split('\n');
    throw new CheckpointError(`${name}: expected its rows at ${path}, got ${got}`, { cause: error });
  }
}

/** Whether rows are kept there, whole as far as that can be told without reading them. */
export function hasRows(path: string, sha256: string): boolean {
  try {
    openRows('', { path, sha256 }).close();
    return true;
  } catch {
    return false;
  }
}

function readOwn(path: string): Buffer {
  const file = openOwnFile(path, constants.O_RDONLY);
  try {
    return readFileSync(file);
  } finally {
    closeSync(file);
  }
}

/** Reads are positional and synchronous: rows are small, and the system keeps the file's pages. */
function openBytes(path: string, { name, manifest }: { name: string; manifest: RowsManifest }): ByteSource {
  const { byteLength, chunks } = manifest;
  const file = openOwnFile(path, constants.O_RDONLY);
  const { size } = fstatSync(file);
  if (size !== byteLength) {
    closeSync(file);
    throw new Error(`${size} bytes instead of ${byteLength}`);
  }
  const checked = new Set<number>();
  const check = (chunk: number): void => {
    const bytes = readAt(file, chunk * chunkBytes, Math.min(chunkBytes, byteLength - chunk * chunkBytes));
    if (createHash('sha256').update(bytes).digest('hex') !== chunks[chunk])
      throw new CheckpointError(
        `${name}: expected ${path} as it was written, got other bytes in its chunk ${chunk}\nhint: remove it, and the launcher makes it again`,
      );
    checked.add(chunk);
  };
  return {
    read(position, length) {
      const last = Math.floor((position + Math.max(length, 1) - 1) / chunkBytes);
      for (let chunk = Math.floor(position / chunkBytes); chunk <= last; chunk++) if (!checked.has(chunk)) check(chunk);
      return readAt(file, position, length);
    },
    close: () => closeSync(file),
  };
}

function readAt(file: number, position: number, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const read = readSync(file, bytes, at, length - at, position + at);
    if (read === 0) throw new CheckpointError(`data: expected ${length} bytes at ${position}, got the end of the file`);
    at += read;
  }
  return bytes;
}
