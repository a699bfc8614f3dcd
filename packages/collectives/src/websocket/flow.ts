// What the two halves of a flow agree on. A flow carries the messages of one rank to another: an `Outflow` where they are
// sent, an `Inflow` where they are received. Neither knows of sockets; both are asked for frames and given frames.
//
//   small message   eager →        kept until it is received, within a window of bytes that were not yet received
//   large message   ← grant        sent by `recv`, so that bytes go straight to where they belong and are never kept
//                   piece, piece →
//   no grant yet    announce →     also for small messages that the window has no room for
//   received        ← credit       opens the window again
//
// Messages of one tag go one after the other, those of different tags take turns.

import type { Frame, FrameHeader, RankFrameKind } from './frame.ts';

/** A message of more bytes than this waits for its receive. */
export const eagerBytes: number = 64 * 1024;
/** How many bytes of eager messages a sender may have on the way and waiting, per receiver. */
export const windowBytes: number = 4 * 2 ** 20;
/** What a message counts beside its bytes, so that empty ones are bounded too. */
export const messageOverhead = 128;
/** Announcements, and grants without a message, that may wait per flow. */
export const maxWaiting = 16_384;
/**
 * Bytes per piece. Half the limit of a frame: twice that costs the processor no less, and a relay passes a frame on only
 * when it has the whole of it.
 */
export const pieceBytes: number = 512 * 1024;

/** A frame of a flow on its way out; who speaks to whom is added by the link. */
export interface FlowFrame extends Pick<FrameHeader, 'tag' | 'total' | 'offset'> {
  readonly kind: RankFrameKind;
  readonly payload: Uint8Array;
  /** To be called when the bytes of the payload may be reused. */
  readonly written?: () => void;
}

/** Has frames to send. Says so by a callback given to it, then waits until they are taken. */
export interface FrameSource {
  next(): FlowFrame | undefined;
}

/** What a flow needs of a frame that has arrived. */
export interface ArrivedFrame extends Pick<Frame, 'tag' | 'total' | 'offset' | 'length' | 'parts'> {
  readonly kind: 'eager' | 'piece' | 'announce';
}

const noPayload = new Uint8Array(0);

/** A frame without payload. */
export function signal(kind: RankFrameKind, { tag = 0, total }: { tag?: number; total: number }): FlowFrame {
  return { kind, tag, total, offset: 0, payload: noPayload };
}
