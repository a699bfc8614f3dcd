// The frames of the WebSocket bridge: a header of fixed size, little-endian, then the payload. Nothing that comes from
// the wire is believed before it is checked here; what a payload means is decided elsewhere.
//
//   byte  0  protocol version     4  from (rank)   8  tag               16  total: bytes of the whole message
//         1  kind                 6  to (rank)    12  payload length    20  offset of the payload in it
//         2  epoch of the view
//
// Only data frames use epoch, from, to, tag, total and offset; in the others these are 0.

import { closeCode } from './close-code.ts';
import { ProtocolError } from './errors.ts';

export const protocolVersion = 1;
/** A longer message is cut into pieces of at most this, so that others come between. */
export const maxPayloadBytes: number = 2 ** 20;
const headerBytes = 24;
export const maxFrameBytes: number = headerBytes + maxPayloadBytes;

/** `challenge` and `proof` are the handshake, `control` is a msgpack value, `data` a piece of a rank's message. */
export const frameKinds = ['challenge', 'proof', 'control', 'data'] as const;
export type FrameKind = (typeof frameKinds)[number];

export interface FrameHeader {
  readonly epoch: number;
  readonly from: number;
  readonly to: number;
  readonly tag: number;
  readonly total: number;
  readonly offset: number;
}

export interface Frame extends FrameHeader {
  readonly kind: FrameKind;
  /** A view on the bytes that were decoded. */
  readonly payload: Uint8Array;
}

const noHeader: FrameHeader = { epoch: 0, from: 0, to: 0, tag: 0, total: 0, offset: 0 };

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
  const view = new DataView(bytes.buffer);
  view.setUint8(0, protocolVersion);
  view.setUint8(1, frameKinds.indexOf(kind) + 1);
  view.setUint16(2, header.epoch, true);
  view.setUint16(4, header.from, true);
  view.setUint16(6, header.to, true);
  view.setUint32(8, header.tag, true);
  view.setUint32(12, payload.length, true);
  view.setUint32(16, header.total, true);
  view.setUint32(20, header.offset, true);
  bytes.set(payload, headerBytes);
  return bytes;
}

/** Throws `ProtocolError` unless `bytes` is one whole frame of this protocol's version. */
export function decodeFrame(bytes: Uint8Array): Frame {
  if (bytes.length < headerBytes) throw malformed(`expected at least ${headerBytes} bytes, got ${bytes.length}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, headerBytes);
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
    total: view.getUint32(16, true),
    offset: view.getUint32(20, true),
    payload: bytes.subarray(headerBytes),
  };
  checkLengths(frame, view.getUint32(12, true));
  return frame;
}

function checkLengths({ kind, payload, offset, total, epoch, from, to, tag }: Frame, length: number): void {
  if (length !== payload.length) throw malformed(`expected ${length} bytes of payload, got ${payload.length}`);
  if (length > maxPayloadBytes)
    throw new ProtocolError(`frame: expected at most ${maxPayloadBytes} bytes, got ${length}`, closeCode.tooBig);
  if (kind === 'data') {
    const fits = length === 0 ? total === 0 && offset === 0 : offset + length <= total;
    if (!fits) throw malformed(`expected a piece of ${total} bytes, got ${length} at ${offset}`);
  } else if (epoch || from || to || tag || total || offset) {
    throw malformed(`expected an empty header in a ${kind} frame`);
  }
}

const malformed = (message: string): ProtocolError => new ProtocolError(`frame: ${message}`);
