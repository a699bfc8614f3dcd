// Values of a script (settings, results, names) between two ranks, as msgpack: the length first, then the bytes. What
// arrives is data and never code.

import { Packr } from 'msgpackr';
import { ProtocolError } from './errors.ts';

/** A value is for control; data goes as arrays. */
const maxValueBytes = 16 * 2 ** 20;

const packr = new Packr({ useRecords: false, copyBuffers: true });

/** What the value is sent as: two messages. @throws {RangeError} when it is too large. */
export function encodeValue(value: unknown): [length: Uint8Array, bytes: Uint8Array] {
  const bytes = packr.pack(value);
  if (bytes.length > maxValueBytes)
    throw new RangeError(`group: expected a value of at most ${maxValueBytes} bytes, got ${bytes.length}`);
  return [new Uint8Array(Uint32Array.of(bytes.length).buffer), bytes];
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
