// The header of a safetensors file: which tensors lie where. All rules of the format are checked here, before anyone reads or
// allocates by what the header says; turning the data into numbers is left to `safetensors.ts`, files to `node/safetensors.ts`.
//
//   8 bytes: header length N, little-endian │ N bytes: JSON, padded with spaces │ the data, every byte of it in exactly one tensor
//
// Format: https://github.com/huggingface/safetensors#format
import { z } from 'zod';
import { CheckpointError } from '@lockstep/errors';
import { jsonMembers, JsonShapeError } from './json-members.ts';
import { quote } from './quote.ts';

const metadataName = '__metadata__';
/** The bytes before the JSON. */
export const prefixLength = 8;
/** The reference's. */
const lengthLimit = 100_000_000;
/** Characters that say what one tensor is. */
const entryLimit = 2 ** 16;

/** One tensor of a file; `begin` and `end` are byte offsets from the start of the data. */
export interface TensorEntry {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/** What a header says: free strings, and the tensors in the order of their data. */
export interface SafetensorsHeader {
  readonly metadata: Readonly<Record<string, string>>;
  readonly entries: readonly TensorEntry[];
}

const bitsPerElement: ReadonlyMap<string, number> = new Map([
  ...['F4'].map((dtype) => [dtype, 4] as const),
  ...['F6_E2M3', 'F6_E3M2'].map((dtype) => [dtype, 6] as const),
  ...['BOOL', 'U8', 'I8', 'F8_E4M3', 'F8_E5M2', 'F8_E8M0', 'F8_E4M3FNUZ', 'F8_E5M2FNUZ'].map(
    (dtype) => [dtype, 8] as const,
  ),
  ...['U16', 'I16', 'F16', 'BF16'].map((dtype) => [dtype, 16] as const),
  ...['U32', 'I32', 'F32'].map((dtype) => [dtype, 32] as const),
  ...['U64', 'I64', 'F64', 'C64'].map((dtype) => [dtype, 64] as const),
]);

const offset = z.int().nonnegative();
const entrySchema = z.object({ dtype: z.string(), shape: z.array(offset), data_offsets: z.tuple([offset, offset]) });

/** The length of the JSON, from the file's first 8 bytes. Throws CheckpointError if it cannot be; `source` names the file in messages. */
export function headerLength(prefix: Uint8Array, fileLength: number, source: string): number {
  if (prefix.length < prefixLength) fail(source, `at least ${prefixLength} bytes`, `${prefix.length}`);
  const length = new DataView(prefix.buffer, prefix.byteOffset).getBigUint64(0, true);
  if (length > lengthLimit) fail(source, `a header of at most ${lengthLimit} bytes`, `${length}`);
  if (Number(length) > fileLength - prefixLength) {
    fail(source, `a header within the file of ${fileLength} bytes`, `a header of ${length}`);
  }
  return Number(length);
}

/** Reads and checks the JSON of a header. `dataLength`: bytes after it. Throws CheckpointError for whatever breaks the format. */
export function parseHeader(json: Uint8Array, dataLength: number, source: string): SafetensorsHeader {
  try {
    const { metadata, tensors } = readMembers(decodeText(json, source), source);
    const entries = Array.from(tensors.values()).sort((a, b) => a.begin - b.begin || a.end - b.end);
    checkCoverage(entries, dataLength, source);
    return { metadata, entries };
  } catch (error) {
    if (error instanceof JsonShapeError) fail(source, 'a header in JSON', error.message);
    throw error;
  }
}

/** The first bytes of a file with these tensors: prefix and JSON, so padded that the data starts at a multiple of 8. */
export function formatHeader({ metadata, entries }: SafetensorsHeader): Uint8Array {
  const tensors = entries.map(({ name, dtype, shape, begin, end }) => [
    name,
    { dtype, shape, data_offsets: [begin, end] },
  ]);
  const withMetadata = Object.keys(metadata).length > 0 ? [[metadataName, metadata], ...tensors] : tensors;
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(withMetadata)));
  const padded = Math.ceil(json.length / 8) * 8;
  const header = new Uint8Array(prefixLength + padded).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(padded), true);
  header.set(json, prefixLength);
  return header;
}

/** How many elements a shape has; throws CheckpointError beyond 2⁵³. `name` is the tensor's. */
export function elementsOf(shape: readonly number[], name: string, source: string): number {
  const elements = shape.reduce((product, length) => product * length, 1);
  const safe = shape.every((length) => length <= Number.MAX_SAFE_INTEGER) && Number.isSafeInteger(elements);
  if (!safe) fail(source, `a shape of ${quote(name)} below 2^53 elements`, `[${shape.join(', ')}]`.slice(0, 120));
  return elements;
}

/** Names of tensors stand once: the format allows no other, and whoever takes the last of two sees another file than who takes the first. */
function readMembers(
  text: string,
  source: string,
): { metadata: Record<string, string>; tensors: Map<string, TensorEntry> } {
  const tensors = new Map<string, TensorEntry>();
  let metadata: Record<string, string> | undefined;
  for (const { name, begin, end } of jsonMembers(text)) {
    if (tensors.has(name) || (name === metadataName && metadata))
      fail(source, 'every name once', `${quote(name)} twice`);
    if (name === metadataName) metadata = readMetadata(text.slice(begin, end), source);
    else tensors.set(name, readEntry(name, text.slice(begin, end), source));
  }
  return { metadata: metadata ?? {}, tensors };
}

/** An object of strings, or null, which some writers leave where they have none. */
function readMetadata(text: string, source: string): Record<string, string> {
  if (text === 'null') return {};
  if (!text.startsWith('{')) fail(source, `${metadataName} of strings`, quote(text));
  const strings = Array.from(jsonMembers(text), ({ name, begin, end }): [string, string] => {
    if (text[begin] !== '"')
      fail(source, `a string for ${quote(name)} of ${metadataName}`, quote(text.slice(begin, end)));
    return [name, parseJson(text.slice(begin, end), source) as string];
  });
  return Object.fromEntries(strings);
}

function decodeText(json: Uint8Array, source: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(json);
  } catch {
    fail(source, 'a header in UTF-8', 'other bytes');
  }
}

function parseJson(text: string, source: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    fail(source, 'a header in JSON', quote(text));
  }
}

function readEntry(name: string, text: string, source: string): TensorEntry {
  if (text.length > entryLimit) fail(source, `at most ${entryLimit} characters on ${quote(name)}`, `${text.length}`);
  const parsed = entrySchema.safeParse(parseJson(text, source));
  if (!parsed.success) fail(source, `dtype, shape and data_offsets for ${quote(name)}`, describe(parsed.error));
  const {
    dtype,
    shape,
    data_offsets: [begin, end],
  } = parsed.data;
  const bits = bitsPerElement.get(dtype);
  const bytes = (elementsOf(shape, name, source) * (bits ?? 0)) / 8;
  if (begin > end || (bits !== undefined && end - begin !== bytes)) {
    const of = `${quote(name)}, ${dtype.slice(0, 20)} [${shape.join(', ').slice(0, 80)}]`;
    fail(
      source,
      Number.isInteger(bytes) ? `${bytes} bytes for ${of}` : `whole bytes for ${of}`,
      `offsets ${begin} to ${end}`,
    );
  }
  return { name, dtype, shape, begin, end };
}

/** No hole, no overlap, nothing beyond the end and nothing left over. */
function checkCoverage(entries: readonly TensorEntry[], dataLength: number, source: string): void {
  let at = 0;
  for (const { name, begin, end } of entries) {
    if (begin !== at) fail(source, `${quote(name)} to start where the one before it ends, at ${at}`, `${begin}`);
    at = end;
  }
  if (at !== dataLength) fail(source, `${at} bytes of data, as the header says`, `${dataLength}`);
}

function describe(error: z.ZodError): string {
  const issue = error.issues[0];
  return issue ? [...issue.path, issue.message].join(': ') : 'none';
}

function fail(source: string, rule: string, got: string): never {
  throw new CheckpointError(`${source}: expected ${rule}, got ${got}`);
}
