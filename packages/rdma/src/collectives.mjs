// The collectives that are carried out in the thread of UCX, for the groups of the main thread.
// @ts-check

import { arena, Performer, Scratch, Waits } from '@lockstep/collectives/offload';

/**
 * @typedef {import('@lockstep/collectives/offload').Order} Order
 * @typedef {import('@lockstep/collectives/offload').Plot} Plot
 * @typedef {import('@lockstep/collectives/offload').Performed} Performed
 * @typedef {import('./thread-transport.mjs').ThreadTransport} ThreadTransport
 * @typedef {import('@lockstep/collectives/offload').Elements} Elements
 */

/** An array of the arena, as one thread tells another of it. @typedef {{ kind: string, address: number, length: number }} Span */

/** An order whose arrays are in the arena. @typedef {Omit<Order, 'inputs' | 'output'> & { inputs: Span[], output?: Span | undefined }} Errand */

/** @typedef {{ new (buffer: ArrayBufferLike, at: number, length: number): Elements, BYTES_PER_ELEMENT: number }} Kind */
/** @type {Record<string, Kind>} */
const kinds = { Float32Array, Int32Array, Uint16Array, Uint8Array };

/** @param {Elements} array of the arena @returns {Span} */
export function spanOf(array) {
  return { kind: array.constructor.name, address: array.byteOffset, length: array.length };
}

/** @param {Span} span @returns {Elements} */
function arrayOf({ kind, address, length }) {
  const Kind = kinds[kind] ?? Uint8Array;
  return new Kind(arena().view(address, length * Kind.BYTES_PER_ELEMENT).buffer, address, length);
}

export class Collectives {
  /** By view. @type {Map<number, { performer: Performer, scratch: Scratch }>} */
  #groups = new Map();

  get isEmpty() {
    return this.#groups.size === 0;
  }

  /** @param {number} view @param {Plot} plot @param {ThreadTransport} transport */
  open(view, plot, transport) {
    const scratch = new Scratch((byteLength) => transport.allocate(byteLength));
    const performer = new Performer(plot, { transport, scratch, waits: new Waits(plot.timeoutMs) });
    this.#groups.set(view, { performer, scratch });
  }

  /** @param {number} view @param {Errand} errand @returns {Promise<Performed>} */
  async perform(view, { inputs, output, ...order }) {
    const group = this.#groups.get(view);
    if (!group) throw new Error(`ucx: expected a group of view ${view}, got none`);
    return group.performer.perform({ ...order, inputs: inputs.map(arrayOf), output: output && arrayOf(output) });
  }

  /** What calls of it still use stays theirs. @param {number} view */
  close(view) {
    this.#groups.get(view)?.scratch.clear();
    this.#groups.delete(view);
  }
}
