// The transport of one view inside the thread of UCX: what collectives that are executed there send and receive with.
// It asks the exchange directly; arrays in the arena are used in place.

import type { Transport } from '@lockstep/collectives';
import { arena } from '@lockstep/collectives/offload';
import koffi from 'koffi';
import type { Exchange } from './exchange.ts';
import { lossOf, wrongLengthOf } from './losses.ts';
import { groupOf, report } from './messages.ts';

interface Place {
  readonly address: number;
  readonly length: number;
}

/** Hears what became of a call, in the words of a report. */
export type Answer = (code: number, value: number, detail: number) => void;

interface ThreadTransportOptions {
  readonly view: number;
  readonly rank: number;
  readonly size: number;
  readonly exchange: Exchange;
  /** Gets whoever waits for a report, by id. */
  readonly calls: Map<number, Answer>;
  readonly describe: (status: number) => string;
}

/** Calls of this thread's own have negative ids. */
let lastId = 0;

export class ThreadTransport implements Transport {
  readonly rank: number;
  readonly size: number;
  readonly #view: number;
  readonly #exchange: Exchange;
  readonly #describe: (status: number) => string;
  readonly #calls: Map<number, Answer>;
  /** Where the arena begins; it does not move. */
  readonly #base = Number(koffi.address(new Uint8Array(arena().memory.buffer)));

  /** @param calls gets whoever waits for a report, by id */
  constructor({ view, rank, size, exchange, calls, describe }: ThreadTransportOptions) {
    this.rank = rank;
    this.size = size;
    this.#view = view;
    this.#exchange = exchange;
    this.#calls = calls;
    this.#describe = describe;
  }

  send(to: number, tag: number, bytes: Uint8Array): Promise<void> {
    const place = this.#place(bytes);
    if (place !== bytes) place.set(bytes);
    return new Promise((resolve, reject) => {
      const id = this.#wait(to, place, bytes, resolve, reject);
      this.#exchange.send({ id, group: groupOf(this.#view, to), tag, ...this.#spanOf(place), urgent: false });
    });
  }

  recv(from: number, tag: number, into: Uint8Array): Promise<void> {
    const place = this.#place(into);
    return new Promise((resolve, reject) => {
      const done = () => {
        if (place !== into) into.set(place);
        resolve();
      };
      const id = this.#wait(from, place, into, done, reject);
      this.#exchange.recv({ id, group: groupOf(this.#view, from), tag, ...this.#spanOf(place) });
    });
  }

  /** The main thread's transport leaves the view. */
  async close(): Promise<void> {}

  /** Bytes that UCX may touch: these, or as many of the arena. */
  #place(bytes: Uint8Array): Uint8Array {
    return bytes.length === 0 || arena().holds(bytes) ? bytes : arena().allocate(bytes.length);
  }

  /** @param bytes of the arena; ordinary memory, which does not move either, where that is full */
  #spanOf(bytes: Uint8Array): Place {
    const { byteOffset, length } = bytes;
    if (length === 0) return { address: 0, length };
    return { address: arena().holds(bytes) ? this.#base + byteOffset : Number(koffi.address(bytes)), length };
  }

  /** @returns the id of the call */
  #wait(
    peer: number,
    place: Uint8Array,
    bytes: Uint8Array,
    resolve: () => void,
    reject: (error: Error) => void,
  ): number {
    const id = --lastId;
    this.#calls.set(id, (code, value, detail) => {
      if (code === report.done) resolve();
      else if (code === report.wrongLength) reject(wrongLengthOf(peer, { expected: bytes.length, got: value }));
      else if (code === report.lost) reject(lossOf(peer, value, this.#describe));
      if (code === report.lost && detail !== 0) return; // UCX still has the memory
      this.#calls.delete(id);
      if (place !== bytes) arena().free(place);
    });
    return id;
  }
}
