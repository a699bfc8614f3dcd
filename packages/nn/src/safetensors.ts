// Named tensors to and from the bytes of a safetensors file, in memory: what a browser needs. The format's rules are checked
// in `safetensors-header.ts`; files that should not pass through memory whole are the business of `node/safetensors.ts`.
import { formatHeader, headerLength, parseHeader, prefixLength, type SafetensorsHeader } from './safetensors-header.ts';
import { decodeTensor, selectReadable, type DecodeOptions, type StoredTensor } from './stored-tensor.ts';
import { bytesOf, headerOf, sortByName, type TensorToStore } from './tensor-layout.ts';

export type { DecodeOptions, StoredTensor, TensorToStore };

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

function dataLengthOf({ entries }: SafetensorsHeader): number {
  return entries.at(-1)?.end ?? 0;
}
