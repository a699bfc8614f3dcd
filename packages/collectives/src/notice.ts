// What a rank tells every other beside its calls, in messages of one fixed form: that it leaves, that it has heard so, or
// that its group has failed, and why. When this is said is notices.ts.

import { ArgumentError, MismatchError, TimeoutError } from '@lockstep/errors';
import { ProtocolError } from './protocol-error.ts';

export type Notice =
  | { readonly kind: 'farewell' }
  /** The answer to a farewell. All that was sent before the farewell is here by then. */
  | { readonly kind: 'heard' }
  | { readonly kind: 'failed'; readonly error: Error };

/** On this tag a rank gives notice. */
export const noticeTag: number = 2 ** 32 - 1;

const kinds = ['farewell', 'heard', 'failed'] as const;
/** Failures that one rank finds and all others have to be told; that somebody is gone everybody notices. */
const codes = ['TIMEOUT', 'PROTOCOL', 'MISMATCH', 'ARGUMENT'] as const;
const headerBytes = 8;
const maxTextBytes = 1016;
export const noticeBytes: number = headerBytes + maxTextBytes;

/** Whether the other ranks have to be told of an error. */
export function concernsAll(error: Error & { readonly code?: string }): boolean {
  return codes.includes(error.code as (typeof codes)[number]);
}

/** byte 0 kind from 1, 1 code, 2 and 4 two ranks (2 each), 6 length of the text (2), 8 the text in UTF-8; little-endian. */
export function encodeNotice(notice: Notice): Uint8Array {
  const bytes = new Uint8Array(noticeBytes);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, 1 + kinds.indexOf(notice.kind));
  if (notice.kind !== 'failed') return bytes;
  const { error } = notice;
  view.setUint8(1, codes.indexOf((error as { code?: unknown }).code as (typeof codes)[number]));
  if (error instanceof MismatchError) error.ranks.forEach((rank, i) => view.setUint16(2 + 2 * i, rank, true));
  const { written } = new TextEncoder().encodeInto(error.message, bytes.subarray(headerBytes));
  view.setUint16(6, written, true);
  return bytes;
}

/** @throws {ProtocolError} for anything else than a notice. */
export function decodeNotice(bytes: Uint8Array): Notice {
  const view = new DataView(bytes.buffer, bytes.byteOffset, noticeBytes);
  const kind = kinds[view.getUint8(0) - 1];
  if (kind === 'farewell' || kind === 'heard') return { kind };
  const [code, length] = [codes[view.getUint8(1)], view.getUint16(6, true)];
  if (!kind || !code || length > maxTextBytes)
    throw new ProtocolError(`group: expected a notice, got one of kind ${view.getUint8(0)}`);
  const text = printable(new TextDecoder().decode(bytes.slice(headerBytes, headerBytes + length)));
  return { kind, error: errorOf(code, text, [view.getUint16(2, true), view.getUint16(4, true)]) };
}

/** It comes from outside and goes to a terminal. */
const printable = (text: string): string => text.replaceAll(/[^\P{C}\n]/gu, '?');

function errorOf(code: (typeof codes)[number], text: string, ranks: readonly [number, number]): Error {
  if (code === 'TIMEOUT') return new TimeoutError(text);
  if (code === 'PROTOCOL') return new ProtocolError(text);
  return code === 'MISMATCH' ? new MismatchError(text, ranks) : new ArgumentError(text);
}
