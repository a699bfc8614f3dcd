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
  return { kind: array.constructor.name, address: array.length === 0 ? 0 : array.byteOffset, length: array.length };
}

/** @param {Span} span @returns {Elements} */
function arrayOf({ kind, address, length }) {
  const Kind = kinds[kind] ?? Uint8Array;
  return new Kind(arena().view(address, length * Kind.BYTES_PER_ELEMENT).buffer, address, length);
}

/** @typedef {{ performer: Performer, scratch: Scratch, waits: Waits, orders: Set<Promise<unknown>> }} Group */

export class Collectives {
  /** By view. @type {Map<number, Group>} */
  #groups = new Map();
  #orders = 0;

  /** Whether no order is under way. */
  get isIdle() {
    return this.#orders === 0;
  }

  /**
   * @param {number} view @param {Plot} plot @param {ThreadTransport} transport
   * @param {(byteLength: number) => Uint8Array} allocate
   */
  open(view, plot, transport, allocate) {
    const scratch = new Scratch(allocate);
    const waits = new Waits(plot.timeoutMs);
    this.#groups.set(view, {
      performer: new Performer(plot, { transport, scratch, waits }),
      scratch,
      waits,
      orders: new Set(),
    });
  }

  /** @param {number} view @param {Errand} errand @returns {Promise<Performed>} */
  async perform(view, { inputs, output, ...order }) {
    const group = this.#groups.get(view);
    if (!group) throw new Error(`ucx: expected a group of view ${view}, got none`);
    const arrays = { inputs: inputs.map(arrayOf), output: output && arrayOf(output) };
    const performed = group.performer.perform({ ...order, ...arrays });
    group.orders.add(performed);
    this.#orders++;
    try {
      return await performed;
    } finally {
      group.orders.delete(performed);
      this.#orders--;
    }
  }

  /** Ends what is under way in a view. @param {number} view @param {Error} error */
  fail(view, error) {
    this.#groups.get(view)?.waits.fail(error);
  }

  /** The same, and resolves when nothing in this thread works on its arrays any more. @param {number} view @param {Error} error */
  async close(view, error) {
    const group = this.#groups.get(view);
    this.#groups.delete(view);
    if (!group) return;
    group.waits.fail(error);
    await Promise.allSettled(group.orders);
    group.scratch.clear();
  }
}
