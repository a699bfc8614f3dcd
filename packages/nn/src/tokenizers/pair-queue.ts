// Pairs of tokens by how often they occur: a binary heap. Counts grow stale in it; who takes a pair out sees to that.

/** A pair, by a number that orders pairs, and the words that have it. */
export interface Pair {
  readonly key: number;
  readonly count: number;
  readonly places: readonly number[];
}

/** Gives the commonest pair first, and of equally common ones that with the smallest key. */
export class PairQueue {
  readonly #heap: Pair[] = [];

  push(pair: Pair): void {
    let at = this.#heap.push(pair) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(pair, this.#heap[parent]!)) break;
      this.#heap[at] = this.#heap[parent]!;
      at = parent;
    }
    this.#heap[at] = pair;
  }

  pop(): Pair | undefined {
    const first = this.#heap[0];
    const last = this.#heap.pop();
    if (this.#heap.length > 0) this.#sink(last!);
    return first;
  }

  #sink(pair: Pair): void {
    const heap = this.#heap;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, pair)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = pair;
  }
}

function isBefore(a: Pair, b: Pair): boolean {
  return a.count === b.count ? a.key < b.key : a.count > b.count;
}
