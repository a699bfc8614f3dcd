// The sending half of a flow (see flow.ts): which frame goes next. Small messages first, then large ones in turns. It
// trusts no grant and no credit, for they come from the wire.

import { closeCode } from '../close-code.ts';
import { ProtocolError } from '../protocol-error.ts';
import {
  eagerBytes,
  type FlowFrame,
  type FrameSource,
  maxWaiting,
  messageOverhead,
  pieceBytes,
  signal,
  windowBytes,
} from './flow.ts';

interface Message {
  readonly bytes: Uint8Array;
  sent: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** The messages of one tag, in order, and the grants that have come for them. */
interface Stream {
  readonly tag: number;
  readonly messages: Message[];
  readonly grants: number[];
  /** What the first message does: nothing yet, wait for a grant, or wait for its turn. */
  state: 'new' | 'announced' | 'ready';
}

export class Outflow implements FrameSource {
  readonly #wake: () => void;
  readonly #streams = new Map<number, Stream>();
  readonly #announcing: Stream[] = [];
  /** First messages that go as they are. */
  readonly #eager: Stream[] = [];
  /** First messages that go in pieces, in the order in which they take turns. */
  readonly #granted: Stream[] = [];
  /** Messages of which the last byte has been handed out but is not yet written. */
  readonly #unwritten = new Set<Message>();
  #unconsumedBytes = 0;
  #unusedGrants = 0;
  /** Announcements that have no grant yet; the receiver takes no more than `maxWaiting`. */
  #announced = 0;
  #failure: Error | undefined;

  /** `wake` is called when there is something to take with `next`. */
  constructor(wake: () => void) {
    this.#wake = wake;
  }

  /** Bytes of eager messages, with their overhead, that the receiver has not yet said to have taken. */
  get unconsumedBytes(): number {
    return this.#unconsumedBytes;
  }

  get failure(): Error | undefined {
    return this.#failure;
  }

  /** Resolves when the bytes may be reused. */
  send(tag: number, bytes: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#failure) return reject(this.#failure);
      const stream = this.#stream(tag);
      stream.messages.push({ bytes, sent: 0, resolve, reject });
      if (stream.messages.length === 1) this.#begin(stream);
    });
  }

  /** The receiver waits for a message of `total` bytes. Throws `ProtocolError` where it asks for too many. */
  grant(tag: number, total: number): void {
    if (this.#failure) return;
    if (++this.#unusedGrants > maxWaiting)
      throw new ProtocolError(`flow: got more than ${maxWaiting} grants for no message`, closeCode.flood);
    const stream = this.#stream(tag);
    stream.grants.push(total);
    if (stream.state === 'announced') this.#useGrant(stream);
  }

  /** The receiver has taken `bytes`. Throws `ProtocolError` where it was never sent as much. */
  credit(bytes: number): void {
    if (bytes > this.#unconsumedBytes)
      throw new ProtocolError(`flow: expected a credit of at most ${this.#unconsumedBytes} bytes, got ${bytes}`);
    this.#unconsumedBytes -= bytes;
  }

  next(): FlowFrame | undefined {
    // What is small first: it may be what an announcement is to be understood by.
    const eager = this.#eager.shift();
    if (eager) return this.#takeEager(eager);
    if (this.#announcing.length > 0 && this.#announced < maxWaiting) return this.#announce();
    const granted = this.#granted.shift();
    return granted && this.#takePiece(granted);
  }

  /** Rejects what has not been written, and all later sends. */
  fail(error: Error): void {
    this.#failure ??= error;
    for (const { messages } of this.#streams.values()) for (const message of messages) message.reject(error);
    for (const message of this.#unwritten) message.reject(error);
    for (const list of [this.#announcing, this.#eager, this.#granted]) list.length = 0;
    this.#streams.clear();
    this.#unwritten.clear();
  }

  #stream(tag: number): Stream {
    const known = this.#streams.get(tag);
    if (known) return known;
    const stream: Stream = { tag, messages: [], grants: [], state: 'new' };
    this.#streams.set(tag, stream);
    return stream;
  }

  /** Decides how the first message of a stream goes. */
  #begin(stream: Stream): void {
    const cost = stream.messages[0]!.bytes.length + messageOverhead;
    const isEager = cost <= eagerBytes + messageOverhead && this.#unconsumedBytes + cost <= windowBytes;
    if (isEager) {
      this.#unconsumedBytes += cost;
      stream.state = 'ready';
      this.#eager.push(stream);
      this.#wake();
    } else if (!this.#useGrant(stream)) {
      stream.state = 'announced';
      this.#announcing.push(stream);
      this.#wake();
    }
  }

  /** A grant of another length is left: the receiver learns from the announcement that its receive cannot be met. */
  #useGrant(stream: Stream): boolean {
    if (stream.grants[0] !== stream.messages[0]!.bytes.length) return false;
    stream.grants.shift();
    this.#unusedGrants--;
    if (stream.state === 'announced') this.#withdraw(stream);
    stream.state = 'ready';
    this.#granted.push(stream);
    this.#wake();
    return true;
  }

  #announce(): FlowFrame {
    const { tag, messages } = this.#announcing.shift()!;
    this.#announced++;
    return signal('announce', { tag, total: messages[0]!.bytes.length });
  }

  /** Its announcement has been answered, or is no longer needed. */
  #withdraw(stream: Stream): void {
    const at = this.#announcing.indexOf(stream);
    if (at >= 0) this.#announcing.splice(at, 1);
    else this.#announced--;
  }

  #takeEager(stream: Stream): FlowFrame {
    const message = stream.messages[0]!;
    this.#advance(stream, message);
    const { bytes } = message;
    return {
      kind: 'eager',
      tag: stream.tag,
      total: bytes.length,
      offset: 0,
      payload: bytes,
      written: this.#end(message),
    };
  }

  #takePiece(stream: Stream): FlowFrame {
    const message = stream.messages[0]!;
    const { bytes, sent: offset } = message;
    const payload = bytes.subarray(offset, offset + pieceBytes);
    message.sent += payload.length;
    const frame = { kind: 'piece', tag: stream.tag, total: bytes.length, offset, payload } as const;
    if (message.sent < bytes.length) {
      this.#granted.push(stream);
      return frame;
    }
    this.#advance(stream, message);
    return { ...frame, written: this.#end(message) };
  }

  #advance(stream: Stream, done: Message): void {
    this.#unwritten.add(done);
    stream.messages.shift();
    stream.state = 'new';
    if (stream.messages.length > 0) this.#begin(stream);
    else if (stream.grants.length === 0) this.#streams.delete(stream.tag);
  }

  #end(message: Message): () => void {
    return () => {
      if (this.#unwritten.delete(message)) message.resolve();
    };
  }
}
