// The sending side of one socket: cuts messages into frames, lets streams take turns, and hands no more to the socket
// than it may buffer. Who is on the other side, and what arrives, is not its business.

import { encodeFrame, type FrameHeader } from './frame.ts';
import type { SocketLike } from './socket.ts';

/** Bytes per data frame. Below the protocol's limit: a relay passes a frame on only when it has the whole of it. */
const pieceBytes = 256 * 1024;
/** Where the platform does not say that a frame was written, ask this often. */
const pollMs = 1;

interface Outgoing {
  readonly header: Omit<FrameHeader, 'total' | 'offset'>;
  readonly bytes: Uint8Array;
  sent: number;
  resolve(): void;
  reject(error: Error): void;
}

export interface OutboxOptions {
  /** The socket gets no further frame while this many bytes wait in it; one frame may go over. */
  readonly maxBufferedBytes?: number;
}

export class Outbox {
  readonly #socket: SocketLike;
  readonly #maxBufferedBytes: number;
  /** Control frames overtake data. */
  readonly #urgent: Uint8Array<ArrayBuffer>[] = [];
  /** Messages under way by (to, tag), in the order in which their streams take turns. */
  readonly #streams = new Map<number, Outgoing[]>();
  readonly #idle: (() => void)[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #failure: Error | undefined;

  constructor(socket: SocketLike, { maxBufferedBytes = 2 * 2 ** 20 }: OutboxOptions = {}) {
    this.#socket = socket;
    this.#maxBufferedBytes = maxBufferedBytes;
  }

  /** Queues a whole frame before all data. */
  post(frame: Uint8Array<ArrayBuffer>): void {
    if (this.#failure) return;
    this.#urgent.push(frame);
    this.#pump();
  }

  /** Resolves when the last piece of `bytes` has been copied to the socket. */
  send(header: Outgoing['header'], bytes: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#failure) return reject(this.#failure);
      const key = header.to * 2 ** 32 + header.tag;
      const message = { header, bytes, sent: 0, resolve, reject };
      const queue = this.#streams.get(key);
      if (queue) queue.push(message);
      else this.#streams.set(key, [message]);
      this.#pump();
    });
  }

  /** Resolves when nothing is queued here any more, which is at once after a failure. */
  async drained(): Promise<void> {
    if (this.#urgent.length > 0 || this.#streams.size > 0)
      await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  /** Rejects what is queued for `peer`, or all there is, and everything later. */
  fail(error: Error, peer?: number): void {
    for (const [key, queue] of this.#streams) {
      if (peer !== undefined && queue[0]!.header.to !== peer) continue;
      this.#streams.delete(key);
      for (const message of queue) message.reject(error);
    }
    if (peer === undefined) {
      this.#failure ??= error;
      this.#urgent.length = 0;
    }
    this.#pump();
  }

  readonly #pump = (): void => {
    clearTimeout(this.#timer);
    while (this.#urgent.length > 0 || this.#streams.size > 0) {
      if (this.#socket.bufferedAmount >= this.#maxBufferedBytes) {
        this.#timer = setTimeout(this.#pump, pollMs);
        return;
      }
      this.#socket.send(this.#urgent.shift() ?? this.#nextPiece(), this.#pump);
    }
    for (const resolve of this.#idle.splice(0)) resolve();
  };

  /** The next piece of the stream whose turn it is; a stream that has more goes to the end of the line. */
  #nextPiece(): Uint8Array<ArrayBuffer> {
    const [key, queue] = this.#streams.entries().next().value!;
    const message = queue[0]!;
    const { header, bytes, sent: offset } = message;
    const frame = encodeFrame('data', bytes.subarray(offset, offset + pieceBytes), {
      ...header,
      total: bytes.length,
      offset,
    });
    message.sent = Math.min(offset + pieceBytes, bytes.length);
    if (message.sent === bytes.length) {
      queue.shift();
      message.resolve();
    }
    this.#streams.delete(key);
    if (queue.length > 0) this.#streams.set(key, queue);
    return frame;
  }
}
