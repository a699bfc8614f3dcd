// Matches messages that arrive with receives that wait, for one rank. Bridges feed it; it knows of no wire.

import { closeCode } from './close-code.ts';
import { ProtocolError } from './protocol-error.ts';

/** A piece of a message: `payload` belongs at `offset` of the `total` bytes. Pieces of one (peer, tag) come in order. */
export interface Piece {
  readonly from: number;
  readonly tag: number;
  readonly total: number;
  readonly offset: number;
  readonly payload: Uint8Array;
}

interface Receive {
  readonly into?: Uint8Array;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

interface Message {
  readonly total: number;
  arrived: number;
  /** What came before anybody asked for it. */
  readonly early: Uint8Array[];
  receive?: Receive;
}

/** What one peer sent with one tag. At most one of the two queues is long: the other has the message under way. */
interface Stream {
  readonly from: number;
  messages: Message[];
  readonly receives: Receive[];
}

export interface MailboxOptions {
  /** Bytes that may wait here for a receive, per peer; a peer that sends more is flooding. */
  readonly maxEarlyBytes?: number;
}

/** What keeping a piece costs beside its bytes, so that a flood of empty messages counts too. */
const pieceOverhead = 128;

/** In place of a receive that was rejected: takes its message without keeping it. */
const passedOver: Receive = { resolve: () => {}, reject: () => {} };

export class Mailbox {
  readonly #streams = new Map<number, Stream>();
  readonly #lost = new Map<number, Error>();
  readonly #earlyBytes = new Map<number, number>();
  readonly #maxEarlyBytes: number;
  #closed: Error | undefined;

  constructor({ maxEarlyBytes = 256 * 2 ** 20 }: MailboxOptions = {}) {
    this.#maxEarlyBytes = maxEarlyBytes;
  }

  /** Fills `into` with the next message of (from, tag), as `Transport.recv` promises. */
  recv(from: number, tag: number, into: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(this.#closed);
      const stream = this.#stream(from, tag);
      const message = stream.messages.find((one) => !one.receive);
      const receive = { into, resolve, reject };
      if (message) this.#match(stream, message, receive);
      else if (this.#lost.has(from)) reject(this.#lost.get(from)!);
      else stream.receives.push(receive);
      this.#settle(stream, tag);
    });
  }

  /** Takes a piece from the wire. Throws `ProtocolError` where it cannot be one, or where the peer floods. */
  deliver(piece: Piece): void {
    if (this.#closed) return;
    const stream = this.#stream(piece.from, piece.tag);
    const message = this.#messageOf(stream, piece);
    if (message.receive) message.receive.into?.set(piece.payload, piece.offset);
    else this.#keep(message, piece);
    message.arrived += piece.payload.length;
    this.#settle(stream, piece.tag);
  }

  /** No more will come from `peer`: its pending and later receives reject, except for whole messages already here. */
  lose(peer: number, error: Error): void {
    this.#lost.set(peer, error);
    for (const [key, stream] of this.#streams) {
      if (stream.from !== peer) continue;
      for (const receive of waiting(stream)) receive.reject(error);
      stream.receives.length = 0;
      stream.messages = stream.messages.filter((message) => message.arrived === message.total);
      if (stream.messages.length === 0) this.#streams.delete(key);
    }
  }

  /** Ends everything: every pending and later receive rejects. */
  close(error: Error): void {
    this.#closed ??= error;
    for (const stream of this.#streams.values()) for (const receive of waiting(stream)) receive.reject(this.#closed);
    this.#streams.clear();
  }

  #stream(from: number, tag: number): Stream {
    const key = keyOf(from, tag);
    const known = this.#streams.get(key);
    if (known) return known;
    const stream: Stream = { from, messages: [], receives: [] };
    this.#streams.set(key, stream);
    return stream;
  }

  /** The message a piece belongs to: the last one if that is incomplete, else a new one. */
  #messageOf(stream: Stream, { from, tag, total, offset, payload }: Piece): Message {
    const last = stream.messages.at(-1);
    const underway = last && last.arrived < last.total ? last : undefined;
    const isNext = underway ? total === underway.total && offset === underway.arrived : offset === 0;
    if (!isNext || offset + payload.length > total || (payload.length === 0 && total > 0)) {
      throw new ProtocolError(
        `mailbox: expected the next piece of rank ${from}, tag ${tag}, got ${payload.length} bytes at ${offset} of ${total}`,
      );
    }
    if (underway) return underway;
    const message: Message = { total, arrived: 0, early: [] };
    stream.messages.push(message);
    const receive = stream.receives.shift();
    if (receive) this.#match(stream, message, receive);
    return message;
  }

  #match(stream: Stream, message: Message, receive: Receive): void {
    const fits = receive.into?.length === message.total;
    if (!fits) {
      receive.reject(
        new ProtocolError(
          `recv: expected ${receive.into?.length} bytes from rank ${stream.from}, got ${message.total}`,
        ),
      );
    }
    let offset = 0;
    for (const part of message.early.splice(0)) {
      if (fits) receive.into.set(part, offset);
      offset += part.length;
      this.#count(stream.from, -part.length - pieceOverhead);
    }
    message.receive = fits ? receive : passedOver;
  }

  /** Copies: the payload may be a view on memory that the wire uses again. */
  #keep(message: Message, { from, payload }: Piece): void {
    if (this.#count(from, payload.length + pieceOverhead) > this.#maxEarlyBytes) {
      throw new ProtocolError(
        `mailbox: rank ${from} sent more than ${this.#maxEarlyBytes} bytes that nobody received`,
        closeCode.flood,
      );
    }
    message.early.push(payload.slice());
  }

  #count(from: number, bytes: number): number {
    const total = (this.#earlyBytes.get(from) ?? 0) + bytes;
    this.#earlyBytes.set(from, total);
    return total;
  }

  /** Resolves what is complete; a stream with nothing left is forgotten, as tags are not used again. */
  #settle(stream: Stream, tag: number): void {
    const first = stream.messages[0];
    if (first?.receive && first.arrived === first.total) {
      stream.messages.shift();
      first.receive.resolve();
    }
    if (stream.messages.length === 0 && stream.receives.length === 0) this.#streams.delete(keyOf(stream.from, tag));
  }
}

const keyOf = (from: number, tag: number): number => from * 2 ** 32 + tag;

function waiting(stream: Stream): Receive[] {
  return [...stream.messages.flatMap((message) => message.receive ?? []), ...stream.receives];
}
