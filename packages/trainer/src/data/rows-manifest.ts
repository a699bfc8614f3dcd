// What is said of rows that are kept: their arrays, where they lie, and the sha256 of each chunk of their bytes. The manifest's own sha256
// stands for all of it; it is JSON, and checked like anything that is read.
//
// The bytes: rows to train on, one after the other, then their index where they differ in length, then the same of rows to validate on.
// A row is its arrays in the order of the manifest, little-endian. An index has for each row the place of its first byte (f64) and the
// elements of each of its arrays (u32).
import type { Facts } from '@lockstep/nn';
import * as z from 'zod';
import { chunkBytes } from './chunks.ts';
import { becomes, type DeviceType, deviceTypes, type StoredType, storedTypes, widthOf } from './element-types.ts';

/** An array of each row. */
export interface KeptArray {
  readonly name: string;
  readonly stored: StoredType;
  readonly dtype: DeviceType;
  /** For a model; as long as the longest. */
  readonly shape: readonly number[];
  /** Elements that one more of a row's length stands for; none where all rows have the same length. */
  readonly perLength?: number | undefined;
}

/** Rows to train on, or to validate on. */
export interface KeptPart {
  readonly count: number;
  /** Place of the first row's first byte. */
  readonly start: number;
  /** Elements of each array in every row, or where the index begins. */
  readonly rows: { readonly lengths: readonly number[] } | { readonly index: number };
}

export interface RowsManifest {
  readonly version: 1;
  readonly arrays: readonly KeptArray[];
  readonly training: KeptPart;
  readonly validation?: KeptPart | undefined;
  readonly facts: Facts;
  readonly byteLength: number;
  /** The sha256 of each. */
  readonly chunks: readonly string[];
}

const amount = z.int().nonnegative();

const part = z.object({
  count: z.int().positive(),
  start: amount,
  rows: z.union([z.object({ lengths: z.array(amount) }), z.object({ index: amount })]),
});

const manifestSchema: z.ZodType<RowsManifest> = z.object({
  version: z.literal(1),
  arrays: z
    .array(
      z.object({
        name: z.string(),
        stored: z.enum(storedTypes),
        dtype: z.enum(deviceTypes),
        shape: z
          .array(
            z
              .int()
              .positive()
              .max(2 ** 31),
          )
          .max(8),
        perLength: z.int().positive().optional(),
      }),
    )
    .min(1),
  training: part,
  validation: part.optional(),
  facts: z.record(z.string(), z.unknown()),
  byteLength: amount,
  chunks: z.array(z.string().regex(/^[0-9a-f]{64}$/)),
});

/** The bytes whose sha256 is that of a dataset. */
export const encodeManifest = (manifest: RowsManifest): Uint8Array<ArrayBuffer> =>
  new TextEncoder().encode(JSON.stringify(manifest));

/** @throws {Error} for what is no manifest, or contradicts itself. */
export function decodeManifest(bytes: Uint8Array): RowsManifest {
  const parsed = manifestSchema.safeParse(JSON.parse(new TextDecoder().decode(bytes)));
  if (!parsed.success || !isConsistent(parsed.data)) throw new Error('a manifest of another form');
  return parsed.data;
}

const elements = (shape: readonly number[]): number => shape.reduce((product, length) => product * length, 1);

/** Elements of the longest array of a name. */
export const longestOf = ({ shape }: KeptArray): number => elements(shape);

/** Bytes of a row. */
export const bytesOfRow = (arrays: readonly { readonly stored: StoredType }[], lengths: ArrayLike<number>): number =>
  arrays.reduce((sum, { stored }, i) => sum + widthOf(stored) * lengths[i]!, 0);

/** Bytes that an index has for each row. */
export const indexBytes = (arrays: readonly KeptArray[]): number => 8 + 4 * arrays.length;

function isConsistent({ arrays, training, validation, byteLength, chunks }: RowsManifest): boolean {
  return (
    chunks.length === Math.ceil(byteLength / chunkBytes) &&
    arrays.every((array) => isPossible(array, byteLength)) &&
    [training, ...(validation ? [validation] : [])].every((part) => lies(part, arrays, byteLength))
  );
}

/** Whether the longest of an array can be among the bytes, and become what it is said to. */
function isPossible(array: KeptArray, byteLength: number): boolean {
  const { stored, dtype, perLength = 1 } = array;
  const longest = longestOf(array);
  return becomes(stored).includes(dtype) && longest % perLength === 0 && longest * widthOf(stored) <= byteLength;
}

/** Whether a part lies within the bytes. What an index says is checked when it is read. */
function lies({ count, start, rows }: KeptPart, arrays: readonly KeptArray[], byteLength: number): boolean {
  if ('index' in rows) return start <= rows.index && rows.index + count * indexBytes(arrays) <= byteLength;
  const { lengths } = rows;
  return (
    lengths.length === arrays.length &&
    arrays.every((array, i) => lengths[i]! <= longestOf(array)) &&
    start + count * bytesOfRow(arrays, lengths) <= byteLength
  );
}
