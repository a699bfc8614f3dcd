// Named tensors to and from the bytes of a safetensors file, in memory: what a browser needs. The format's rules are checked
// in `safetensors-header.ts`; files that should not pass through memory whole are the business of `node/safetensors.ts`.
import { CheckpointError } from './errors.ts';
import {
  elementsOf,
  formatHeader,
  headerLength,
  parseHeader,
  prefixLength,
  quote,
  type SafetensorsHeader,
  type TensorEntry,
} from './safetensors-header.ts';
import { isFloatDtype, toFloat32, type FloatDtype } from './to-float32.ts';

/** A tensor read from a file: `data` is f32 whatever `dtype` it was stored in, row-major. */
export interface StoredTensor {
  readonly dtype: FloatDtype;
  readonly shape: readonly number[];
  readonly data: Float32Array<ArrayBuffer>;
}

/** What happens to a tensor that is not F32, F16 or BF16: an error that names it, or it is left out. */
export interface DecodeOptions {
  readonly unsupported?: 'error' | 'skip';
}

/** A tensor to be stored: row-major f32. */
export interface TensorToStore<Data = Float32Array> {
  readonly shape: readonly number[];
  readonly data: Data;
}

/**
 * Reads all tensors of a safetensors file held in memory.
 * Nothing is trusted: lengths, offsets and names are checked before anything is allocated. Throws CheckpointError.
 */
export function decodeSafetensors(
  bytes: Uint8Array,
  { unsupported = 'error' }: DecodeOptions = {},
): Map<string, StoredTensor> {
  const source = 'decodeSafetensors';
  const length = headerLength(bytes.subarray(0, prefixLength), bytes.length, source);
  const data = bytes.subarray(prefixLength + length);
  const { entries } = parseHeader(bytes.subarray(prefixLength, prefixLength + length), data.length, source);
  const readable = selectReadable(entries, { unsupported, source });
  return new Map(
    readable.map((entry) => [entry.name, decodeTensor(entry, data.subarray(entry.begin, entry.end), source)]),
  );
}

/** The free strings that a safetensors file held in memory carries beside its tensors. Throws CheckpointError. */
export function safetensorsMetadata(bytes: Uint8Array): Readonly<Record<string, string>> {
  const source = 'safetensorsMetadata';
  const end = prefixLength + headerLength(bytes.subarray(0, prefixLength), bytes.length, source);
  return parseHeader(bytes.subarray(prefixLength, end), bytes.length - end, source).metadata;
}

/** The bytes of a safetensors file with these tensors, F32, in the order of their names. Throws CheckpointError on a wrong shape or a name used twice. */
export function encodeSafetensors(
  tensors: Iterable<readonly [string, TensorToStore]>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  const byName = sortByName(tensors, 'encodeSafetensors');
  const header = headerOf(byName, metadata, 'encodeSafetensors');
  const start = formatHeader(header);
  const bytes = new Uint8Array(start.length + dataLengthOf(header));
  bytes.set(start);
  byName.forEach(([name, { data }], i) => {
    const entry = header.entries[i]!;
    bytes.set(bytesOf(data, entry, name, 'encodeSafetensors'), start.length + entry.begin);
  });
  return bytes;
}

/** The entries that can be read as f32; what happens to the others is the caller's choice. */
export function selectReadable(
  entries: readonly TensorEntry[],
  { unsupported = 'error', source }: DecodeOptions & { source: string },
): TensorEntry[] {
  if (unsupported === 'error') for (const entry of entries) dtypeOf(entry, source);
  return entries.filter(({ dtype }) => isFloatDtype(dtype));
}

/** One tensor from the bytes that its entry covers. */
export function decodeTensor(entry: TensorEntry, bytes: Uint8Array, source: string): StoredTensor {
  const dtype = dtypeOf(entry, source);
  return { dtype, shape: entry.shape, data: toFloat32(bytes, dtype) };
}

/** Names in the order of their code units, each once: the order in which tensors lie in a file. */
export function sortByName<T>(tensors: Iterable<readonly [string, T]>, source: string): (readonly [string, T])[] {
  const sorted = [...tensors].sort(([a], [b]) => (a < b ? -1 : Number(a > b)));
  const repeated = sorted.find(([name], i) => i > 0 && sorted[i - 1]![0] === name);
  if (repeated) throw new CheckpointError(`${source}: expected every name once, got ${quote(repeated[0])} twice`);
  return sorted;
}

/** The header of F32 tensors that lie one behind the other in the order given. */
export function headerOf(
  tensors: readonly (readonly [string, Pick<TensorToStore, 'shape'>])[],
  metadata: Readonly<Record<string, string>>,
  source: string,
): SafetensorsHeader {
  let end = 0;
  const entries = tensors.map(([name, { shape }]) => {
    const begin = end;
    end += 4 * elementsOf(shape, name, source);
    return { name, dtype: 'F32', shape, begin, end };
  });
  return { metadata, entries };
}

/** The bytes of `data`, which must fill its entry exactly. */
export function bytesOf(
  data: Float32Array,
  { begin, end, shape }: TensorEntry,
  name: string,
  source: string,
): Uint8Array {
  if (data.byteLength !== end - begin) {
    throw new CheckpointError(
      `${source}: expected ${(end - begin) / 4} numbers for ${quote(name)} [${shape.join(', ')}], got ${data.length}`,
    );
  }
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

function dataLengthOf({ entries }: SafetensorsHeader): number {
  return entries.at(-1)?.end ?? 0;
}

function dtypeOf({ name, dtype }: TensorEntry, source: string): FloatDtype {
  if (isFloatDtype(dtype)) return dtype;
  throw new CheckpointError(`${source}: expected F32, F16 or BF16 for ${quote(name)}, got ${dtype.slice(0, 20)}`);
}
