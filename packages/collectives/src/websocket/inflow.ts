// The receiving half of a flow (see flow.ts): the nth message of a tag meets the nth receive. It keeps small messages
// that nobody has asked for yet, within the window, and asks for large ones when they are received.

import { closeCode } from '../close-code.ts';
import { ProtocolError } from '../protocol-error.ts';
import {
  type ArrivedFrame,
  eagerBytes,
  type FlowFrame,
  type FrameSource,
  maxWaiting,
  messageOverhead,
  signal,
  windowBytes,
} from './flow.ts';
import { copyParts } from './frame.ts';

interface Receive {
  readonly into: Uint8Array;
  /** Whether the sender was told to send. */
  granted: boolean;
  arrived: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** A message without a receive: kept if small, only announced if not. */
interface Early {
  readonly total: number;
  readonly bytes?: Uint8Array;
}

/** One tag. At most one of the two queues is long. */
interface Stream {
  readonly early: Early[];
  readonly receives: Receive[];
}

/** The window is opened again in steps of this, not for each message. */
const creditBytes = windowBytes / 8;

export class Inflow implements FrameSource {
  readonly #from: number;
  readonly #wake: () => void;
  readonly #streams = new Map<number, Stream>();
  readonly #replies: FlowFrame[] = [];
  #earlyBytes = 0;
  #consumedBytes = 0;
  /** Arrived and not yet credited. */
  #windowBytes = 0;
  #announced = 0;
  #failure: Error | undefined;

  /** `from` is named in errors; `wake` is called when there is something to take with `next`. */
  constructor(from: number, wake: () => void) {
    this.#from = from;
    this.#wake = wake;
  }

  /** Bytes that wait here for a receive. */
  get earlyBytes(): number {
    return this.#earlyBytes;
  }

  /** Fills `into` with the next message of `tag`. Rejects with `ProtocolError` where that is of another length. */
  recv(tag: number, into: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      const stream = this.#stream(tag);
      const receive = { into, granted: false, arrived: 0, resolve, reject };
      const early = stream.early.shift();
      if (early) this.#meet(tag, stream, early, receive);
      else if (this.#failure) reject(this.#failure);
      else {
        stream.receives.push(receive);
        if (into.length > eagerBytes) this.#grant(tag, receive);
      }
      this.#forgetIdle(tag, stream);
    });
  }

  /** Takes a frame from the wire. Throws `ProtocolError` where it cannot be one, or where the peer floods. */
  take(frame: ArrivedFrame): void {
    if (this.#failure) return;
    const stream = this.#stream(frame.tag);
    if (frame.kind === 'eager') this.#takeEager(stream, frame);
    else if (frame.kind === 'piece') this.#takePiece(stream, frame);
    else this.#takeAnnouncement(stream, frame);
    this.#forgetIdle(frame.tag, stream);
  }

  next(): FlowFrame | undefined {
    return this.#replies.shift();
  }

  /** No more will come: pending and later receives reject, except for whole messages that are already here. */
  lose(error: Error): void {
    this.#failure ??= error;
    this.#replies.length = 0;
    for (const [tag, stream] of this.#streams) {
      for (const receive of stream.receives.splice(0)) receive.reject(error);
      const whole = stream.early.filter(({ bytes }) => bytes);
      stream.early.splice(0, Infinity, ...whole);
      this.#forgetIdle(tag, stream);
    }
  }

  /** Rejects everything, also what is already here. */
  close(error: Error): void {
    for (const { early } of this.#streams.values()) early.length = 0;
    this.lose(error);
    this.#earlyBytes = 0;
  }

  #stream(tag: number): Stream {
    const known = this.#streams.get(tag);
    if (known) return known;
    const stream: Stream = { early: [], receives: [] };
    this.#streams.set(tag, stream);
    return stream;
  }

  /** Tags are used once, mostly. */
  #forgetIdle(tag: number, { early, receives }: Stream): void {
    if (early.length === 0 && receives.length === 0) this.#streams.delete(tag);
  }

  /** A receive that comes after its message. */
  #meet(tag: number, stream: Stream, { total, bytes }: Early, receive: Receive): void {
    if (bytes) {
      this.#earlyBytes -= total + messageOverhead;
      this.#consume(total + messageOverhead);
    } else this.#announced--;
    if (total !== receive.into.length) return receive.reject(this.#mismatch(receive, total));
    if (bytes) {
      receive.into.set(bytes);
      return receive.resolve();
    }
    stream.receives.push(receive);
    this.#grant(tag, receive);
  }

  #takeEager(stream: Stream, { parts, total }: ArrivedFrame): void {
    const cost = total + messageOverhead;
    this.#windowBytes += cost;
    if (total > eagerBytes || this.#windowBytes > windowBytes)
      throw this.#flood(`more than ${windowBytes} bytes that nobody received`);
    const receive = stream.receives.shift();
    if (!receive) {
      this.#earlyBytes += cost;
      const bytes = new Uint8Array(total); // a copy: the parts may be views on memory that the wire uses again
      copyParts(parts, bytes, 0);
      stream.early.push({ total, bytes });
      return;
    }
    this.#consume(cost);
    if (total !== receive.into.length) return this.#refuse(receive, total);
    copyParts(parts, receive.into, 0);
    receive.resolve();
  }

  #takePiece(stream: Stream, { parts, length, total, offset }: ArrivedFrame): void {
    const receive = stream.receives[0];
    if (!receive?.granted || receive.into.length !== total)
      throw this.#flood(`a piece of ${total} bytes that nobody asked for`);
    if (offset !== receive.arrived)
      throw new ProtocolError(`flow: expected byte ${receive.arrived} from rank ${this.#from}, got byte ${offset}`);
    copyParts(parts, receive.into, offset);
    receive.arrived += length;
    if (receive.arrived < total) return;
    stream.receives.shift();
    receive.resolve();
  }

  #takeAnnouncement(stream: Stream, { tag, total }: ArrivedFrame): void {
    const receive = stream.receives[0];
    if (!receive) {
      if (++this.#announced > maxWaiting) throw this.#flood(`more than ${maxWaiting} announcements`);
      stream.early.push({ total });
    } else if (receive.into.length !== total) {
      stream.receives.shift();
      this.#refuse(receive, total);
    } else if (!receive.granted) this.#grant(tag, receive);
  }

  #grant(tag: number, receive: Receive): void {
    receive.granted = true;
    this.#reply(signal('grant', { tag, total: receive.into.length }));
  }

  #consume(cost: number): void {
    this.#consumedBytes += cost;
    if (this.#consumedBytes < creditBytes || this.#failure) return;
    this.#windowBytes -= this.#consumedBytes;
    this.#reply(signal('credit', { total: this.#consumedBytes }));
    this.#consumedBytes = 0;
  }

  #reply(frame: FlowFrame): void {
    this.#replies.push(frame);
    this.#wake();
  }

  #refuse(receive: Receive, total: number): never {
    const error = this.#mismatch(receive, total);
    receive.reject(error);
    throw error;
  }

  /** Which receive a later message belongs to cannot be told after this, so the flow ends with it. */
  #mismatch({ into }: Receive, total: number): ProtocolError {
    return new ProtocolError(`recv: expected ${into.length} bytes from rank ${this.#from}, got ${total}`);
  }

  #flood(what: string): ProtocolError {
    return new ProtocolError(`flow: rank ${this.#from} sent ${what}`, closeCode.flood);
  }
}
