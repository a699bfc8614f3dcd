// Safetensors files on disk, tensor by tensor: reading one tensor costs the memory of one tensor, and so does writing.
import type { FileHandle } from 'node:fs/promises';
import { CheckpointError } from '@lockstep/errors';
import { quote } from '../quote.ts';
import {
  formatHeader,
  headerLength,
  parseHeader,
  prefixLength,
  type SafetensorsHeader,
  type TensorEntry,
} from '../safetensors-header.ts';
import { decodeTensor, selectReadable, type DecodeOptions, type StoredTensor } from '../stored-tensor.ts';
import { bytesOf, headerOf, sortByName, type TensorToStore } from '../tensor-layout.ts';
import { replaceFile } from './replace-file.ts';
import { openRegular } from './untrusted-file.ts';

/** An open safetensors file: its header, checked, and its tensors on demand. */
export interface SafetensorsFile extends SafetensorsHeader {
  /** Reads one tensor. Throws CheckpointError if there is none of that name, or if it is not F64, F32, F16 or BF16. */
  read(name: string): Promise<StoredTensor>;
  close(): Promise<void>;
}

/** Opens a file and checks its header; no tensor is read yet. Throws CheckpointError. */
export async function openSafetensors(path: string): Promise<SafetensorsFile> {
  const file = await openRegular(path).catch(unreadable(path));
  try {
    const { header, dataStart } = await readHeader(file, path);
    const byName = new Map(header.entries.map((entry) => [entry.name, entry]));
    return {
      ...header,
      read: (name) => readTensor(file, { path, name, entry: byName.get(name), dataStart }),
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Reads all tensors of a file, one after the other. Throws CheckpointError. */
export async function loadSafetensors(
  path: string,
  { unsupported = 'error' }: DecodeOptions = {},
): Promise<Map<string, StoredTensor>> {
  const file = await openSafetensors(path);
  try {
    const tensors = new Map<string, StoredTensor>();
    for (const { name } of selectReadable(file.entries, { unsupported, source: path }))
      tensors.set(name, await file.read(name));
    return tensors;
  } finally {
    await file.close();
  }
}

/**
 * Writes tensors as F32 in the order of their names, beside `path`, synced, then renamed: `path` never holds half a file.
 * `data` may be a function that fetches the numbers when their turn comes, so that only one tensor need be in memory.
 * Throws CheckpointError on a wrong shape or a name used twice, and then leaves what was at `path`.
 */
export async function saveSafetensors(
  path: string,
  tensors: Iterable<readonly [string, TensorToStore<Float32Array | (() => Promise<Float32Array>)>]>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  const byName = sortByName(tensors, path);
  const header = headerOf(byName, metadata, path);
  await replaceFile(path, async (file) => {
    await file.writeFile(formatHeader(header));
    for (const [i, [name, { data }]] of byName.entries()) {
      const numbers = typeof data === 'function' ? await data() : data;
      await file.writeFile(bytesOf(numbers, header.entries[i]!, name, path));
    }
  });
}

async function readHeader(file: FileHandle, path: string): Promise<{ header: SafetensorsHeader; dataStart: number }> {
  const { size } = await file.stat();
  const prefix = await readExactly(file, { path, position: 0, length: Math.min(prefixLength, size) });
  const length = headerLength(prefix, size, path);
  const dataStart = prefixLength + length;
  const json = await readExactly(file, { path, position: prefixLength, length });
  return { header: parseHeader(json, size - dataStart, path), dataStart };
}

async function readTensor(
  file: FileHandle,
  { path, name, entry, dataStart }: { path: string; name: string; entry: TensorEntry | undefined; dataStart: number },
): Promise<StoredTensor> {
  if (!entry) throw new CheckpointError(`${path}: expected a tensor ${quote(name)}, got none of that name`);
  const bytes = await readExactly(file, { path, position: dataStart + entry.begin, length: entry.end - entry.begin });
  return decodeTensor(entry, bytes, path);
}

async function readExactly(
  file: FileHandle,
  { path, position, length }: { path: string; position: number; length: number },
): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length;) {
    const part = file.read(bytes, done, Math.min(length - done, readLimit), position + done);
    const { bytesRead } = await part.catch(unreadable(path));
    if (bytesRead === 0) throw new CheckpointError(`${path}: expected ${length} bytes at ${position}, got ${done}`);
    done += bytesRead;
  }
  return bytes;
}

function unreadable(path: string): (error: NodeJS.ErrnoException) => never {
  return ({ code, message }) => {
    throw new CheckpointError(`${path}: expected a readable safetensors file, got ${code ?? message}`);
  };
}

/** One call of the system reads less than 2 GiB. */
const readLimit = 2 ** 30;
