// A one-way queue of small fixed entries in shared memory: one thread pushes, another drains, neither waits. What does
// not fit stays with the pusher until the next flush.
// @ts-check

const entryWords = 8;
const capacity = 1024;
const headerBytes = 8;

export class Ring {
  /** Bytes of shared memory one ring needs. */
  static byteLength = headerBytes + capacity * entryWords * 8;

  /** [entries pushed, entries drained], both modulo 2³² @type {Int32Array<ArrayBufferLike>} */
  #counts;
  /** @type {Float64Array<ArrayBufferLike>} */
  #words;
  /** @type {(readonly number[])[]} */
  #backlog = [];

  /** @param {SharedArrayBuffer} memory @param {number} at */
  constructor(memory, at) {
    this.#counts = new Int32Array(memory, at, 2);
    this.#words = new Float64Array(memory, at + headerBytes, capacity * entryWords);
  }

  /** @param {readonly number[]} entry at most 8 numbers */
  push(entry) {
    if (!this.flush() || !this.#put(entry)) this.#backlog.push(entry);
  }

  /** @returns {boolean} whether nothing is left with the pusher */
  flush() {
    let done = 0;
    for (const entry of this.#backlog)
      if (this.#put(entry)) done++;
      else break;
    if (done > 0) this.#backlog.splice(0, done);
    return this.#backlog.length === 0;
  }

  /** @param {readonly number[]} entry @returns {boolean} whether there was room */
  #put(entry) {
    const pushed = Atomics.load(this.#counts, 0);
    if (((pushed - Atomics.load(this.#counts, 1)) | 0) >= capacity) return false;
    this.#words.set(entry, (pushed & (capacity - 1)) * entryWords);
    Atomics.store(this.#counts, 0, (pushed + 1) | 0);
    return true;
  }

  get isEmpty() {
    return Atomics.load(this.#counts, 0) === Atomics.load(this.#counts, 1);
  }

  /**
   * Takes all entries there are.
   * @param {(entry: Float64Array) => void} take an entry is the taker's only during the call
   * @returns {number} how many
   */
  drain(take) {
    let drained = Atomics.load(this.#counts, 1);
    let count = 0;
    for (; drained !== Atomics.load(this.#counts, 0); count++) {
      const at = (drained & (capacity - 1)) * entryWords;
      const entry = this.#words.slice(at, at + entryWords);
      drained = (drained + 1) | 0;
      Atomics.store(this.#counts, 1, drained);
      take(entry);
    }
    return count;
  }
}
