// Values of a script (settings, results, names) between two ranks, as msgpack: the length first, then the bytes. What
// arrives is data and never code.

import { Packr } from 'msgpackr';
import { ArgumentError } from '@lockstep/errors';
import { ProtocolError } from './protocol-error.ts';

/** A value is for control; data goes as arrays. */
const maxValueBytes = 16 * 2 ** 20;

const packr = new Packr({ useRecords: false, copyBuffers: true });

export type EncodedValue = readonly [length: Uint8Array, bytes: Uint8Array];

/** What the value is sent as: two messages. @throws {ArgumentError} when it is too large, or none that msgpack knows. */
export function encodeValue(value: unknown): EncodedValue {
  const bytes = packed(value);
  if (bytes.length > maxValueBytes)
    throw new ArgumentError(`group: expected a value of at most ${maxValueBytes} bytes, got ${bytes.length}`);
  return [new Uint8Array(Uint32Array.of(bytes.length).buffer), bytes];
}

function packed(value: unknown): Uint8Array {
  try {
    return packr.pack(value);
  } catch (error) {
    throw new ArgumentError(`group: expected a value that msgpack knows, got one that it does not: ${String(error)}`);
  }
}

export const lengthBytes = 4;

/** @throws {ProtocolError} for a length that no value has. */
export function decodeLength(bytes: Uint8Array): number {
  const length = new DataView(bytes.buffer, bytes.byteOffset, lengthBytes).getUint32(0, true);
  if (length <= maxValueBytes) return length;
  throw new ProtocolError(`group: expected a value of at most ${maxValueBytes} bytes, got ${length}`);
}

/** @throws {ProtocolError} for bytes that are no value. */
export function decodeValue(bytes: Uint8Array): unknown {
  try {
    return packr.unpack(bytes);
  } catch {
    throw new ProtocolError(`group: expected a msgpack value, got ${bytes.length} other bytes`);
  }
}
