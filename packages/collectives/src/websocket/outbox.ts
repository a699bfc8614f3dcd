// The sending side of one socket: gives it no more than it may buffer, control frames first, then what its sources have,
// in turns. Who is on the other side, and what arrives, is not its business.

import type { BoundSocket } from './bound-socket.ts';
import { closeCode } from '../close-code.ts';
import { ProtocolError } from '../protocol-error.ts';
import type { FlowFrame, FrameSource } from './flow.ts';
import { encodeHeader, type Route } from './frame.ts';

/** Where the platform does not say that a frame was written, ask this often. */
const pollMs = 1;
/** Control frames that may wait because the other side does not read, in bytes. */
const maxUrgentBytes = 4 * 2 ** 20;

export interface OutboxOptions {
  /** The socket gets no further frame while this many bytes wait in it; one frame may go over. */
  readonly maxBufferedBytes?: number;
}

interface Routed {
  readonly source: FrameSource;
  readonly route: Route;
}

export class Outbox {
  readonly #socket: BoundSocket;
  readonly #maxBufferedBytes: number;
  readonly #onFlood: (error: ProtocolError) => void;
  /** Control frames overtake data. */
  readonly #urgent: Uint8Array<ArrayBuffer>[] = [];
  #urgentBytes = 0;
  /** In the order in which they take turns. */
  #sources: Routed[] = [];
  readonly #idle: (() => void)[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isPumping = false;
  #isClosed = false;

  /** `onFlood` is called when the other side asks for more than it reads. */
  constructor(
    socket: BoundSocket,
    { maxBufferedBytes = 2 * 2 ** 20 }: OutboxOptions = {},
    onFlood: (error: ProtocolError) => void = () => {},
  ) {
    this.#socket = socket;
    this.#maxBufferedBytes = maxBufferedBytes;
    this.#onFlood = onFlood;
  }

  /** Bytes in the socket that the system has not taken. */
  get bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  /** Queues a whole frame before all data. */
  post(frame: Uint8Array<ArrayBuffer>): void {
    if (this.#isClosed) return;
    this.#urgent.push(frame);
    this.#urgentBytes += frame.length;
    this.pump();
    if (this.#urgentBytes > maxUrgentBytes)
      this.#onFlood(new ProtocolError('expected answers to be read, got more questions', closeCode.flood));
  }

  /** Sends the frames of `source` from now on. */
  add(source: FrameSource, route: Route): void {
    this.#sources.push({ source, route });
    this.pump();
  }

  /** Resolves when all that was posted is in the socket, which is at once after `close`. */
  async drained(): Promise<void> {
    if (this.#urgent.length > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
    await this.#socket.drained();
  }

  /** Drops what waits, and all that comes later. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#urgent.length = this.#urgentBytes = 0;
    this.#sources = [];
    this.#tellIdle();
  }

  /** To be called when a source has frames. Gives the socket what it may have. */
  pump(): void {
    if (this.#isPumping) return;
    this.#isPumping = true;
    clearTimeout(this.#timer);
    while (this.#hasRoom() && this.#sendNext());
    this.#isPumping = false;
  }

  #hasRoom(): boolean {
    if (this.#socket.bufferedAmount < this.#maxBufferedBytes) return true;
    this.#timer = setTimeout(this.#goOn, pollMs);
    return false;
  }

  readonly #goOn = (): void => this.pump();

  #sendNext(): boolean {
    const urgent = this.#urgent.shift();
    if (urgent) {
      this.#urgentBytes -= urgent.length;
      this.#socket.send([urgent], { sent: this.#goOn });
      if (this.#urgent.length === 0) this.#tellIdle();
      return true;
    }
    for (let tried = this.#sources.length; tried > 0; tried--) {
      const first = this.#sources.shift()!;
      this.#sources.push(first);
      const frame = first.source.next();
      if (!frame) continue;
      this.#sendFrame(frame, first.route);
      return true;
    }
    return false;
  }

  #sendFrame({ kind, payload, written, ...place }: FlowFrame, route: Route): void {
    const header = encodeHeader(kind, payload.length, { ...route, ...place });
    this.#socket.send([header, payload], { written, sent: this.#goOn });
  }

  #tellIdle(): void {
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}
