// Brings the arrays of an order to where both threads see them. Those from `allocate` are there; others are copied into
// memory that is kept for that, and back, which at memory's speed is cheaper than handing each message over by itself.

import { arena, type Elements, type Order, type Perform, type Performed, Scratch } from '@lockstep/collectives/offload';
import { type Errand, spanOf } from './collectives.mjs';

/** Orders on any arrays, by way of `perform`, which takes arrays of the arena. `allocate` gives those. */
export function staged(
  allocate: (byteLength: number) => Uint8Array,
  perform: (errand: Errand) => Promise<Performed>,
): Perform {
  const scratch = new Scratch(allocate);
  return async ({ inputs, output, ...order }: Order) => {
    const stage = new Stage(scratch);
    const performed = await perform({
      ...order,
      inputs: inputs.map((input) => spanOf(stage.bring(input))),
      output: output && spanOf(stage.bring(output)),
    });
    stage.clear(output);
    return performed;
  };
}

/** The arrays of one order. After a failure its memory is not used again: late bytes may still come. */
class Stage {
  readonly #scratch: Scratch;
  /** What lies in scratch, for what it stands in. */
  readonly #copies = new Map<Elements, Uint8Array>();

  constructor(scratch: Scratch) {
    this.#scratch = scratch;
  }

  /** The array itself, or its copy. */
  bring(array: Elements): Elements {
    if (array.length === 0 || arena().holds(array)) return array;
    const bytes = this.#copies.get(array) ?? this.#copy(array);
    return new (array.constructor as Float32ArrayConstructor)(bytes.buffer, bytes.byteOffset, array.length);
  }

  /** Takes the result back to where it belongs, and the scratch to where it came from. */
  clear(output: Elements | undefined): void {
    const result = output && this.#copies.get(output);
    if (result) bytesOf(output).set(result);
    for (const bytes of this.#copies.values()) this.#scratch.give(bytes);
  }

  #copy(array: Elements): Uint8Array {
    const bytes = this.#scratch.take(array.byteLength);
    bytes.set(bytesOf(array));
    this.#copies.set(array, bytes);
    return bytes;
  }
}

function bytesOf({ buffer, byteOffset, byteLength }: Elements): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
