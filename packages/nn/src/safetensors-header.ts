// The header of a safetensors file: which tensors lie where. All rules of the format are checked here, before anyone reads or
// allocates by what the header says; turning the data into numbers is left to `safetensors.ts`, files to `node/safetensors.ts`.
//
//   8 bytes: header length N, little-endian │ N bytes: JSON, padded with spaces │ the data, every byte of it in exactly one tensor
//
// Format: https://github.com/huggingface/safetensors#format
import { z } from 'zod';
import { CheckpointError } from './errors.ts';

/** The bytes before the JSON. */
export const prefixLength = 8;
const lengthLimit = 100_000_000;
/** Header object, tensor object, shape: nothing in a header lies deeper. */
const depthLimit = 3;

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

const bytesPerElement: ReadonlyMap<string, number> = new Map([
  ...['BOOL', 'U8', 'I8', 'F8_E4M3', 'F8_E5M2', 'F8_E8M0'].map((dtype) => [dtype, 1] as const),
  ...['U16', 'I16', 'F16', 'BF16'].map((dtype) => [dtype, 2] as const),
  ...['U32', 'I32', 'F32'].map((dtype) => [dtype, 4] as const),
  ...['U64', 'I64', 'F64', 'C64'].map((dtype) => [dtype, 8] as const),
]);

const offset = z.int().nonnegative();
const metadataSchema = z.record(z.string(), z.string());
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
  const { __metadata__: metadata = {}, ...tensors } = parseObject(json, source);
  const strings = metadataSchema.safeParse(metadata);
  if (!strings.success) fail(source, '__metadata__ of strings', describe(strings.error));
  const entries = Object.entries(tensors).map(([name, value]) => parseEntry(name, value, source));
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  checkCoverage(entries, dataLength, source);
  return { metadata: strings.data, entries };
}

/** The first bytes of a file with these tensors: prefix and JSON, so padded that the data starts at a multiple of 8. */
export function formatHeader({ metadata, entries }: SafetensorsHeader): Uint8Array {
  const tensors = entries.map(({ name, dtype, shape, begin, end }) => [
    name,
    { dtype, shape, data_offsets: [begin, end] },
  ]);
  const withMetadata = Object.keys(metadata).length > 0 ? [['__metadata__', metadata], ...tensors] : tensors;
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

/** A name from a file as it may stand in a message: in quotes, on one line, not endless. */
export function quote(name: string): string {
  return JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}…` : name);
}

function parseObject(json: Uint8Array, source: string): Record<string, unknown> {
  if (json[0] !== 0x7b) fail(source, 'a safetensors header that starts with {', `byte ${json[0] ?? 'none'}`);
  const text = decodeText(json, source);
  const names = topLevelNames(text, source);
  const header = parseJson(text, source);
  if (Object.keys(header).length < names.length)
    fail(source, 'every name once', `${quote(findDuplicate(names))} twice`);
  return header;
}

function decodeText(json: Uint8Array, source: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(json);
  } catch {
    fail(source, 'a header in UTF-8', 'other bytes');
  }
}

function parseJson(text: string, source: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch (error) {
    fail(source, 'a header in JSON', `${(error as Error).message.slice(0, 120).replaceAll(/\s+/g, ' ')}`);
  }
}

/**
 * The names of the header object as they stand in the text, duplicates included: JSON.parse would keep the last and be silent.
 * Runs before JSON.parse and bounds the nesting, so that a hostile header cannot make it build a mountain of arrays.
 */
function topLevelNames(text: string, source: string): string[] {
  const names: string[] = [];
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const character = text[i]!;
    if (character === '"') {
      const end = endOfString(text, i);
      if (depth === 1 && isFollowedByColon(text, end)) names.push(text.slice(i, end + 1));
      i = end;
    } else if (character === '{' || character === '[') {
      if (++depth > depthLimit) fail(source, `a header nested at most ${depthLimit} deep`, 'more');
    } else if (character === '}' || character === ']') depth--;
  }
  return names;
}

function endOfString(text: string, start: number): number {
  let i = start + 1;
  while (i < text.length && text[i] !== '"') i += text[i] === '\\' ? 2 : 1;
  return i;
}

function isFollowedByColon(text: string, end: number): boolean {
  let i = end + 1;
  while (text[i] === ' ' || text[i] === '\n' || text[i] === '\r' || text[i] === '\t') i++;
  return text[i] === ':';
}

function findDuplicate(quotedNames: readonly string[]): string {
  const seen = new Set<string>();
  for (const quoted of quotedNames) {
    const name = JSON.parse(quoted) as string;
    if (seen.has(name)) return name;
    seen.add(name);
  }
  return '';
}

function parseEntry(name: string, value: unknown, source: string): TensorEntry {
  const parsed = entrySchema.safeParse(value);
  if (!parsed.success) fail(source, `dtype, shape and data_offsets for ${quote(name)}`, describe(parsed.error));
  const {
    dtype,
    shape,
    data_offsets: [begin, end],
  } = parsed.data;
  const size = bytesPerElement.get(dtype);
  const bytes = elementsOf(shape, name, source) * (size ?? 0);
  if (begin > end || (size !== undefined && end - begin !== bytes)) {
    fail(
      source,
      `${bytes} bytes for ${quote(name)}, ${dtype} [${shape.join(', ')}]`.slice(0, 200),
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
  return issue ? `${issue.path.join('.')}: ${issue.message}` : 'none';
}

function fail(source: string, rule: string, got: string): never {
  throw new CheckpointError(`${source}: expected ${rule}, got ${got}`);
}
