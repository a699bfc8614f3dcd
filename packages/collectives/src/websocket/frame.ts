// The frames of the WebSocket bridge: a header of fixed size, little-endian, then the payload. Nothing that comes from
// the wire is believed before it is checked here; what a frame means is decided elsewhere.
//
//   byte  0  protocol version     4  from (rank)   8  tag               16  total: bytes of the whole message
//         1  kind                 6  to (rank)    12  payload length    20  offset of the payload in it
//         2  epoch of the view
//
// Only frames between ranks use epoch, from, to, tag, total and offset; in the others these are 0.

import { copy } from '../arithmetic/simd.ts';
import { closeCode } from '../close-code.ts';
import { ProtocolError } from '../protocol-error.ts';
import { tagBytes } from './tags.ts';

export const protocolVersion = 3;
/** A longer message is cut into pieces of at most this, so that others come between. */
export const maxPayloadBytes: number = 2 ** 20;
const headerBytes = 24;
/** The most bytes of a frame with its tag (tags.ts) and its header. */
export const maxFrameBytes: number = tagBytes + headerBytes + maxPayloadBytes;

/** The handshake, then msgpack values between a worker and the hub. */
const jobKinds = ['challenge', 'proof', 'accept', 'control'] as const;
/**
 * Between ranks, from who sends messages: `eager` is a whole message, `piece` a part of one that was granted, `announce`
 * says that one waits for a grant. From who receives: `grant` asks for a message, `credit` says that `total` bytes of
 * eager ones have been taken. Either way: `reset` ends what these two have to do with each other, `total` says why.
 */
const rankKinds = ['eager', 'piece', 'announce', 'grant', 'credit', 'reset'] as const;
export type RankFrameKind = (typeof rankKinds)[number];
export type FrameKind = (typeof jobKinds)[number] | RankFrameKind;

const frameKinds: readonly FrameKind[] = [...jobKinds, ...rankKinds];

/** Who speaks to whom, in which view. */
export interface Route {
  readonly epoch: number;
  readonly from: number;
  readonly to: number;
}

export interface FrameHeader extends Route {
  readonly tag: number;
  readonly total: number;
  readonly offset: number;
}

export interface Frame extends FrameHeader {
  readonly kind: FrameKind;
  /** Bytes of the payload. */
  readonly length: number;
  /** The payload, as views on the bytes that were decoded. */
  readonly parts: readonly Uint8Array[];
}

export interface RankFrame extends Frame {
  readonly kind: RankFrameKind;
}

const noHeader: FrameHeader = { epoch: 0, from: 0, to: 0, tag: 0, total: 0, offset: 0 };

/** The header alone, for a payload of `length` bytes that follows. */
export function encodeHeader(kind: FrameKind, length: number, header: FrameHeader = noHeader): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(headerBytes);
  writeHeader(bytes, kind, length, header);
  return bytes;
}

/** A new buffer with header and payload. Throws `ProtocolError` when the payload is above `maxPayloadBytes`. */
export function encodeFrame(
  kind: FrameKind,
  payload: Uint8Array,
  header: FrameHeader = noHeader,
): Uint8Array<ArrayBuffer> {
  if (payload.length > maxPayloadBytes) {
    throw new ProtocolError(
      `${kind} frame: expected at most ${maxPayloadBytes} bytes, got ${payload.length}`,
      closeCode.tooBig,
    );
  }
  const bytes = new Uint8Array(headerBytes + payload.length);
  writeHeader(bytes, kind, payload.length, header);
  bytes.set(payload, headerBytes);
  return bytes;
}

function writeHeader(bytes: Uint8Array<ArrayBuffer>, kind: FrameKind, length: number, header: FrameHeader): void {
  const view = new DataView(bytes.buffer);
  view.setUint8(0, protocolVersion);
  view.setUint8(1, frameKinds.indexOf(kind) + 1);
  view.setUint16(2, header.epoch, true);
  view.setUint16(4, header.from, true);
  view.setUint16(6, header.to, true);
  view.setUint32(8, header.tag, true);
  view.setUint32(12, length, true);
  view.setUint32(16, header.total, true);
  view.setUint32(20, header.offset, true);
}

/** What a socket gives for a message: one run of bytes, or the fragments in which it came. */
export type MessageBytes = Uint8Array | readonly Uint8Array[];

/** Throws `ProtocolError` unless `message` is one whole frame of this protocol's version. */
export function decodeFrame(message: MessageBytes): Frame {
  const { head, parts } = split(message);
  const view = new DataView(head.buffer, head.byteOffset, headerBytes);
  const version = view.getUint8(0);
  if (version !== protocolVersion) {
    throw new ProtocolError(
      `frame: expected protocol version ${protocolVersion}, got ${version}`,
      closeCode.wrongVersion,
    );
  }
  const kind = frameKinds[view.getUint8(1) - 1];
  if (!kind) throw malformed(`expected a kind from 1 to ${frameKinds.length}, got ${view.getUint8(1)}`);
  const frame: Frame = {
    kind,
    epoch: view.getUint16(2, true),
    from: view.getUint16(4, true),
    to: view.getUint16(6, true),
    tag: view.getUint32(8, true),
    length: view.getUint32(12, true),
    total: view.getUint32(16, true),
    offset: view.getUint32(20, true),
    parts,
  };
  checkLengths(frame);
  return frame;
}

export function isRankFrame(frame: Frame): frame is RankFrame {
  return (rankKinds as readonly string[]).includes(frame.kind);
}

/** The payload in one run, copied only where it came in several. */
export function payloadOf({ parts, length }: Pick<Frame, 'parts' | 'length'>): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  const whole = new Uint8Array(length);
  copyParts(parts, whole, 0);
  return whole;
}

/** The same with a payload of its own: a socket may use the memory again in which a frame came. */
export function copyFrame(frame: Frame): Frame {
  const payload = new Uint8Array(frame.length);
  copyParts(frame.parts, payload, 0);
  return { ...frame, parts: [payload] };
}

export function copyParts(parts: readonly Uint8Array[], into: Uint8Array, offset: number): void {
  let at = offset;
  for (const part of parts) {
    copy(into, part, at);
    at += part.length;
  }
}

/** Header and payload. Lockstep's own processes send the header as a fragment of its own; others may cut anywhere. */
function split(message: MessageBytes): { head: Uint8Array; parts: readonly Uint8Array[] } {
  const all = message instanceof Uint8Array ? [message] : message;
  const [first = new Uint8Array(0), ...rest] = all;
  if (first.length === headerBytes) return { head: first, parts: rest };
  if (first.length > headerBytes) return { head: first, parts: [first.subarray(headerBytes), ...rest] };
  const length = all.reduce((sum, part) => sum + part.length, 0);
  if (length < headerBytes) throw malformed(`expected at least ${headerBytes} bytes, got ${length}`);
  const whole = payloadOf({ parts: all, length });
  return { head: whole, parts: [whole.subarray(headerBytes)] };
}

function checkLengths({ kind, parts, length, ...header }: Frame): void {
  const got = parts.reduce((sum, part) => sum + part.length, 0);
  if (length !== got) throw malformed(`expected ${length} bytes of payload, got ${got}`);
  if (length > maxPayloadBytes)
    throw new ProtocolError(`frame: expected at most ${maxPayloadBytes} bytes, got ${length}`, closeCode.tooBig);
  if (!isConsistent[kind](header, length))
    throw malformed(`expected a consistent ${kind} frame, got ${length} bytes at ${header.offset} of ${header.total}`);
}

type Rule = (header: FrameHeader, length: number) => boolean;

const isBare: Rule = ({ epoch, from, to, tag, total, offset }) => !(epoch || from || to || tag || total || offset);
const isSignal: Rule = ({ offset }, length) => length === 0 && offset === 0;
const isSum: Rule = ({ tag, offset, total }, length) => length === 0 && offset === 0 && tag === 0 && total > 0;

const isConsistent: Record<FrameKind, Rule> = {
  challenge: isBare,
  proof: isBare,
  accept: isBare,
  control: isBare,
  eager: ({ total, offset }, length) => length === total && offset === 0,
  piece: ({ total, offset }, length) => (length > 0 || total === 0) && offset + length <= total,
  announce: isSignal,
  grant: isSignal,
  credit: isSum,
  reset: isSum,
};

const malformed = (message: string): ProtocolError => new ProtocolError(`frame: ${message}`);
