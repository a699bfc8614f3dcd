// Carries out the collective calls of one rank over a transport: in the thread that called, or in that of a bridge which
// moves the bytes there and adds them on the way (`Transport.offload`). Which calls those are, the group decides.

import type { Reduction } from './algorithms/all-reduce.ts';
import type { Layout } from './algorithms/layout.ts';
import { type AlgorithmName, schedulesOf, type Stage } from './algorithms/schedule.ts';
import { type DType, encodingOf } from './arithmetic/encoding.ts';
import { Call } from './call.ts';
import { follow, type Order } from './order.ts';
import type { Scratch } from './scratch.ts';
import type { Transport } from './transport.ts';
import type { Waits } from './waits.ts';

/** What all calls of a group have in common; plain data. */
export interface Plot {
  readonly layout: Layout;
  /** Bytes of an array that are reduced as one piece. */
  readonly segmentBytes: number;
  /** How long one message may be waited for. */
  readonly timeoutMs: number;
  /** Whether somebody wants to know with whom data was exchanged. */
  readonly isTraced: boolean;
}

/** What carrying out an order came to on this rank. */
export interface Performed {
  readonly bytesSent: number;
  /** The ranks that it exchanged data with, where that is wanted. */
  readonly partners?: readonly number[];
}

/** The performer of a group in another thread. */
export interface Offload {
  /** Nothing where there is no memory left that both threads see: then the order has to be carried out here. */
  perform(order: Order): Promise<Performed> | undefined;
  /** The group has failed, and what is under way ends. */
  fail(): void;
}

export interface PerformerOptions {
  readonly transport: Transport;
  readonly waits: Waits;
  readonly scratch: Scratch;
}

export class Performer {
  readonly #plot: Plot;
  readonly #options: PerformerOptions;
  readonly #schedules: ReadonlyMap<AlgorithmName, readonly Stage[]>;

  constructor(plot: Plot, options: PerformerOptions) {
    this.#plot = plot;
    this.#options = options;
    this.#schedules = schedulesOf(plot.layout);
  }

  /**
   * Resolves when the order's output is there. A peer's loss, a deadline or a call that does not fit fails all waits, and
   * so every order under way.
   */
  async perform(order: Order): Promise<Performed> {
    const { signature, number } = order;
    const call = new Call({ ...this.#options, signature, number });
    await Promise.all([
      call.agree(),
      follow(call, order, { layout: this.#plot.layout, reduction: () => this.#reduction(order) }),
    ]);
    return { bytesSent: call.bytesSent, ...(this.#plot.isTraced && { partners: call.partners }) };
  }

  #reduction({ signature, inputs, algorithm = 'direct' }: Order): Reduction {
    const { layout, segmentBytes } = this.#plot;
    const { dtype, op = 'sum', wire = 'f32' } = signature;
    return {
      stages: this.#schedules.get(algorithm)!,
      encoding: encodingOf(dtype as DType, op, wire),
      shards: layout.shards,
      ranges: layout.nodes[this.#options.transport.rank]!,
      nodes: inputs,
      segmentBytes,
      divisor: op === 'mean' ? layout.shards : 1,
    };
  }
}
