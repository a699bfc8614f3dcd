// Memory that collectives need for a moment and use again at the next call, so that a step allocates nothing.

import { arena } from './arithmetic/arena.ts';

/** Enough for several reductions of many workers at once; lengths that are not used any more fall off the end. */
const maxFree = 64;

export class Scratch {
  readonly #free: Uint8Array[] = [];
  readonly #allocate: (byteLength: number) => Uint8Array;

  /** @param allocate the fabric's own memory; the arena's unless given. */
  constructor(allocate: (byteLength: number) => Uint8Array = (byteLength) => arena().allocate(byteLength)) {
    this.#allocate = allocate;
  }

  /** Bytes with undefined contents. Give the same array back after use. */
  take(byteLength: number): Uint8Array {
    const at = this.#free.findIndex((bytes) => bytes.byteLength === byteLength);
    return at >= 0 ? this.#free.splice(at, 1)[0]! : this.#allocate(byteLength);
  }

  give(bytes: Uint8Array): void {
    this.#free.unshift(bytes);
    for (const old of this.#free.splice(maxFree)) arena().free(old);
  }

  /** Gives all that is not in use back to where it came from. */
  clear(): void {
    for (const bytes of this.#free.splice(0)) arena().free(bytes);
  }
}
