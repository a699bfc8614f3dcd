// Brings the arrays of a call to where both threads see them. Those from `allocate` are there; others are copied into
// memory that is kept for that, and back, which at memory's speed is cheaper than handing each message over by itself.

import { arena, type Elements, type CollectiveCall, type CallTraffic, Scratch } from '@lockstep/collectives/offload';
import { type SharedCall, spanOf } from './collectives.ts';

export class Staging {
  readonly #scratch: Scratch;

  /** `allocate` gives memory of the arena, while there is some. */
  constructor(allocate: (byteLength: number) => Uint8Array) {
    this.#scratch = new Scratch(allocate);
  }

  /** Has a call executed by `work`; nothing where the arena has no room for its arrays. */
  execute(
    { inputs, output, ...call }: CollectiveCall,
    work: (sharedCall: SharedCall) => Promise<CallTraffic>,
  ): Promise<CallTraffic> | undefined {
    const stage = new Stage(this.#scratch);
    const brought = { inputs: inputs.map((input) => stage.bring(input)), output: output && stage.bring(output) };
    if (!stage.isWhole) return stage.clear();
    const sharedCall = {
      ...call,
      inputs: brought.inputs.map(spanOf),
      output: brought.output && spanOf(brought.output),
    };
    return work(sharedCall).then((traffic) => {
      stage.takeBack(output);
      stage.clear();
      return traffic;
    });
  }

  /** Gives memory back that no call uses. */
  clear(): void {
    this.#scratch.clear();
  }
}

/** The arrays of one call. After a failure its memory is not used again: late bytes may still come. */
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

  /** Whether all of it is in the arena. */
  get isWhole(): boolean {
    return [...this.#copies.values()].every((bytes) => arena().holds(bytes));
  }

  /** Brings the result to where it belongs. */
  takeBack(output: Elements | undefined): void {
    const result = output && this.#copies.get(output);
    if (result) bytesOf(output).set(result);
  }

  clear(): undefined {
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
