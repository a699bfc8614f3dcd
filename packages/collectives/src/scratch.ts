// Memory that collectives need for a moment and use again at the next call, so that a step allocates nothing.

export class Scratch {
  readonly #free: Float32Array[] = [];
  readonly #allocate: (byteLength: number) => Uint8Array;

  constructor(allocate: (byteLength: number) => Uint8Array = (byteLength) => new Uint8Array(byteLength)) {
    this.#allocate = allocate;
  }

  /** `length` elements with undefined contents. Give the same array back after use. */
  take(length: number): Float32Array {
    const at = this.#free.findIndex((array) => array.length === length);
    if (at >= 0) return this.#free.splice(at, 1)[0]!;
    const bytes = this.#allocate(length * Float32Array.BYTES_PER_ELEMENT);
    return new Float32Array(bytes.buffer, bytes.byteOffset, length);
  }

  give(array: Float32Array): void {
    this.#free.unshift(array);
    this.#free.length = Math.min(this.#free.length, maxFree);
  }
}

/** Enough for several reductions of many workers at once; lengths that are not used any more fall off the end. */
const maxFree = 64;
