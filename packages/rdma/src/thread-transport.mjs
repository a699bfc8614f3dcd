// The transport of one view inside the thread of UCX: what collectives that are carried out there send and receive with.
// It asks the exchange directly; arrays in the arena are used in place.
// @ts-check

import { arena } from '@lockstep/collectives/offload';
import koffi from 'koffi';
import { lossOf, wrongLengthOf } from './losses.mjs';
import { groupOf, report } from './messages.mjs';

/** @typedef {(code: number, value: number, detail: number) => void} Answer */

/** Calls of this thread's own have negative ids. */
let lastId = 0;

export class ThreadTransport {
  rank;
  size;
  #view;
  #exchange;
  #describe;
  /** @type {Map<number, Answer>} */
  #calls;
  /** Where the arena begins; it does not move. */
  #base = Number(koffi.address(new Uint8Array(arena().memory.buffer)));

  /**
   * @param {object} options
   * @param {number} options.view @param {number} options.rank @param {number} options.size
   * @param {import('./exchange.mjs').Exchange} options.exchange
   * @param {Map<number, Answer>} options.calls gets whoever waits for a report, by id
   * @param {(status: number) => string} options.describe
   */
  constructor({ view, rank, size, exchange, calls, describe }) {
    this.rank = rank;
    this.size = size;
    this.#view = view;
    this.#exchange = exchange;
    this.#calls = calls;
    this.#describe = describe;
  }

  /** @param {number} to @param {number} tag @param {Uint8Array} bytes @returns {Promise<void>} */
  send(to, tag, bytes) {
    const place = this.#place(bytes);
    if (place !== bytes) place.set(bytes);
    return new Promise((resolve, reject) => {
      const id = this.#wait(to, place, bytes, resolve, reject);
      this.#exchange.send({ id, group: groupOf(this.#view, to), tag, ...this.#spanOf(place), urgent: false });
    });
  }

  /** @param {number} from @param {number} tag @param {Uint8Array} into @returns {Promise<void>} */
  recv(from, tag, into) {
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

  /** The main thread's transport leaves the view. @returns {Promise<void>} */
  async close() {}

  /** Bytes that UCX may touch: these, or as many of the arena. @param {Uint8Array} bytes */
  #place(bytes) {
    return bytes.length === 0 || arena().holds(bytes) ? bytes : arena().allocate(bytes.length);
  }

  /** @param {Uint8Array} bytes of the arena; ordinary memory, which does not move either, where that is full */
  #spanOf(bytes) {
    const { byteOffset, length } = bytes;
    if (length === 0) return { address: 0, length };
    return { address: arena().holds(bytes) ? this.#base + byteOffset : Number(koffi.address(bytes)), length };
  }

  /**
   * @param {number} peer @param {Uint8Array} place @param {Uint8Array} bytes
   * @param {() => void} resolve @param {(error: Error) => void} reject
   * @returns {number} the id of the call
   */
  #wait(peer, place, bytes, resolve, reject) {
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
