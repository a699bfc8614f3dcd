// A one-way queue of small fixed entries in shared memory: one thread pushes, another drains, neither waits. What does
// not fit stays with the pusher until the next flush.

const entryWords = 8;
const capacity = 1024;
const headerBytes = 16;

export class Ring {
  /** Bytes of shared memory one ring needs. */
  static readonly byteLength: number = headerBytes + capacity * entryWords * 8;

  /** [entries pushed, entries drained, whether the pusher waits for room], the first two modulo 2³² */
  readonly #counts: Int32Array<ArrayBufferLike>;
  readonly #words: Float64Array<ArrayBufferLike>;
  readonly #backlog: (readonly number[])[] = [];

  constructor(memory: SharedArrayBuffer, at: number) {
    this.#counts = new Int32Array(memory, at, 3);
    this.#words = new Float64Array(memory, at + headerBytes, capacity * entryWords);
  }

  /** @param entry at most 8 numbers */
  push(entry: readonly number[]): void {
    if (this.#backlog.length === 0 && this.#put(entry)) return;
    this.#backlog.push(entry);
    this.flush();
  }

  /**
   * Pushes what there was no room for before; the pusher calls it when the drainer says that there is some.
   * @returns whether anything moved
   */
  flush(): boolean {
    if (this.#backlog.length === 0) return false;
    // First the flag, then another look: the drainer does it the other way round, so one of the two sees.
    Atomics.store(this.#counts, 2, 1);
    let moved = 0;
    while (moved < this.#backlog.length && this.#put(this.#backlog[moved] ?? [])) moved++;
    this.#backlog.splice(0, moved);
    if (this.#backlog.length === 0) Atomics.store(this.#counts, 2, 0);
    return moved > 0;
  }

  /** Whether the pusher waits for room: the drainer asks after it has drained, and lets the pusher know. */
  get isAwaited(): boolean {
    return Atomics.load(this.#counts, 2) === 1;
  }

  /** @returns whether there was room */
  #put(entry: readonly number[]): boolean {
    const pushed = Atomics.load(this.#counts, 0);
    if (((pushed - Atomics.load(this.#counts, 1)) | 0) >= capacity) return false;
    this.#words.set(entry, (pushed & (capacity - 1)) * entryWords);
    Atomics.store(this.#counts, 0, (pushed + 1) | 0);
    return true;
  }

  get isEmpty(): boolean {
    return Atomics.load(this.#counts, 0) === Atomics.load(this.#counts, 1);
  }

  /** Takes all entries there are. @param take an entry is the taker's only during the call @returns how many */
  drain(take: (entry: Float64Array) => void): number {
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
