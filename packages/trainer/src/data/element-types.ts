// How the elements of a dataset's arrays are kept, and what they become for a device: bytes stay bytes until a batch is made of them.
import type { TypedArray } from '@lockstep/tensor';

/** Arrays as users have them. */
export type RowArray =
  | Float32Array
  | Float64Array
  | Uint32Array
  | Uint16Array
  | Uint8Array
  | Uint8ClampedArray
  | Int32Array
  | Int16Array
  | Int8Array;

/** What a model may be given. */
export const deviceTypes = ['f32', 'u32', 'i32'] as const;
export type DeviceType = (typeof deviceTypes)[number];

/** What is kept. */
export const storedTypes = ['f32', 'u32', 'i32', 'u16', 'i16', 'u8', 'i8'] as const;
export type StoredType = (typeof storedTypes)[number];

const stored = {
  f32: { array: Float32Array, becomes: ['f32'] },
  u32: { array: Uint32Array, becomes: ['u32'] },
  i32: { array: Int32Array, becomes: ['i32'] },
  u16: { array: Uint16Array, becomes: ['u32', 'i32', 'f32'] },
  i16: { array: Int16Array, becomes: ['i32', 'f32'] },
  u8: { array: Uint8Array, becomes: ['u32', 'i32', 'f32'] },
  i8: { array: Int8Array, becomes: ['i32', 'f32'] },
} as const satisfies Record<StoredType, { readonly becomes: readonly DeviceType[]; readonly array: unknown }>;

const device = { f32: Float32Array, u32: Uint32Array, i32: Int32Array } as const;

/** Bytes of an element. */
export const widthOf = (type: StoredType): number => stored[type].array.BYTES_PER_ELEMENT;

/** What a device may get of what is kept, the usual one first: none loses a digit. */
export const becomes = (type: StoredType): readonly DeviceType[] => stored[type].becomes;

/** How the elements of an array are kept; nothing for what is no such array. */
export function storedTypeOf(array: unknown): StoredType | undefined {
  if (array instanceof Float64Array) return 'f32';
  if (array instanceof Uint8ClampedArray) return 'u8';
  return storedTypes.find((type) => array instanceof stored[type].array);
}

/** The bytes that are kept of an array: its own where they may be, not a copy. */
export function bytesOf(array: RowArray): Uint8Array {
  const own = array instanceof Float64Array ? Float32Array.from(array) : array;
  return new Uint8Array(own.buffer, own.byteOffset, own.byteLength);
}

/** The elements in bytes that were kept, `at` a multiple of their width. */
export function elementsIn(
  buffer: ArrayBuffer,
  { type, at, length }: { readonly type: StoredType; readonly at: number; readonly length: number },
): RowArray {
  return new stored[type].array(buffer, at, length);
}

/** Zeros for a device. */
export const zerosOf = (type: DeviceType, length: number): TypedArray => new device[type](length);
