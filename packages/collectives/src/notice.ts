// What a rank tells every other at the end of a group, in messages of one fixed form: that it leaves, or that the calls of
// two ranks do not fit together, so that nobody waits for data that will not come.

import { ProtocolError } from './errors.ts';
import { type Mismatch, signatureBytes } from './signature.ts';
import type { Transport } from './transport.ts';

/** Nothing for a farewell. */
export type Notice = Mismatch | undefined;

/** On this tag a rank gives notice. */
export const noticeTag: number = 2 ** 32 - 1;
/** How long a peer may take to take a notice; it may be stuck itself. */
const noticeMs = 5_000;
const headerBytes = 10;
export const noticeBytes: number = headerBytes + 2 * signatureBytes;
const kinds = { farewell: 1, mismatch: 2 } as const;

/** byte 0 kind, 1 zero, 2 and 4 the ranks (2 each), 6 number of the call (4), 10 and 34 their signatures; little-endian. */
export function encodeNotice(notice: Notice): Uint8Array {
  const bytes = new Uint8Array(noticeBytes);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, notice ? kinds.mismatch : kinds.farewell);
  if (!notice) return bytes;
  notice.ranks.forEach((rank, i) => view.setUint16(2 + 2 * i, rank, true));
  view.setUint32(6, notice.call, true);
  notice.signatures.forEach((signature, i) => bytes.set(signature, headerBytes + i * signatureBytes));
  return bytes;
}

/** @throws {ProtocolError} for anything else than a notice. */
export function decodeNotice(bytes: Uint8Array): Notice {
  const view = new DataView(bytes.buffer, bytes.byteOffset, noticeBytes);
  const kind = view.getUint8(0);
  if (kind === kinds.farewell) return undefined;
  if (kind !== kinds.mismatch) throw new ProtocolError(`group: expected a notice of kind 1 or 2, got ${kind}`);
  const signature = (i: number): Uint8Array =>
    bytes.slice(headerBytes + i * signatureBytes, headerBytes + (i + 1) * signatureBytes);
  return {
    call: view.getUint32(6, true),
    ranks: [view.getUint16(2, true), view.getUint16(4, true)],
    signatures: [signature(0), signature(1)],
  };
}

/** Tells all others. Resolves, whatever becomes of it, when the notice has gone out or nobody takes it. */
export async function notify(transport: Transport, notice: Uint8Array): Promise<void> {
  const others = Array.from({ length: transport.size }, (_, peer) => peer).filter((peer) => peer !== transport.rank);
  const told = Promise.allSettled(others.map((peer) => transport.send(peer, noticeTag, notice)));
  const { promise: late, cancel } = deadline(noticeMs);
  await Promise.race([told, late]);
  cancel();
}

function deadline(ms: number): { promise: Promise<void>; cancel: () => void } {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const promise = new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)));
  return { promise, cancel: () => clearTimeout(timer) };
}
