// Executes the collective calls of one rank over a transport: in the thread that called, or in that of a bridge which moves the bytes there
// and adds them on the way (`OffloadingTransport`). Which calls those are, the group decides.

import type { Reduction } from './algorithms/all-reduce.ts';
import { dividedLayout, type Layout } from './algorithms/layout.ts';
import { type AlgorithmName, schedulesOf, type Stage } from './algorithms/schedule.ts';
import { type DType, encodingOf } from './arithmetic/encoding.ts';
import { CallChannel } from './call-channel.ts';
import { type CollectiveCall, execute } from './collective-call.ts';
import type { Scratch } from './scratch.ts';
import type { Transport } from './transport.ts';
import type { Waits } from './waits.ts';

/** What all calls of a group have in common; plain data. */
export interface GroupConfiguration {
  readonly layout: Layout;
  /** Bytes of an array that are reduced as one piece. */
  readonly segmentBytes: number;
  /** How long one message may be waited for. */
  readonly timeoutMs: number;
  /** Whether somebody wants to know with whom data was exchanged. */
  readonly isTraced: boolean;
}

/** What a call has moved on this rank. */
export interface CallTraffic {
  readonly bytesSent: number;
  /** The ranks that it exchanged data with, where that is wanted. */
  readonly partners?: readonly number[];
}

/** The executor of a group in another thread. */
export interface Offload {
  /** Nothing where there is no memory left that both threads see: then the call has to be executed here. */
  execute(call: CollectiveCall): Promise<CallTraffic> | undefined;
  /** The group has failed, and what is under way ends. */
  fail(): void;
}

/** A bridge with a thread of its own, which executes collectives there, so that a message costs no hand-over between threads. */
export interface OffloadingTransport extends Transport {
  /** Failures are those of the calls that are executed there. */
  offload(configuration: GroupConfiguration): Offload;
}

/** The executor in a bridge's own thread, where the bridge has one. */
export function offloadOf(transport: Transport, configuration: GroupConfiguration): Offload | undefined {
  return 'offload' in transport ? (transport as OffloadingTransport).offload(configuration) : undefined;
}

export interface ExecutorOptions {
  readonly transport: Transport;
  readonly waits: Waits;
  readonly scratch: Scratch;
}

/** The work divided into some number of shards. */
interface Division {
  readonly layout: Layout;
  readonly schedules: ReadonlyMap<AlgorithmName, readonly Stage[]>;
}

export class Executor {
  readonly #configuration: GroupConfiguration;
  readonly #options: ExecutorOptions;
  /** By how many shards they divide the work into. */
  readonly #divisions = new Map<number, Division>();

  constructor(configuration: GroupConfiguration, options: ExecutorOptions) {
    this.#configuration = configuration;
    this.#options = options;
  }

  /**
   * Resolves when the call's output is there. A peer's loss, a deadline or a call that does not fit fails all waits, and so every call under
   * way.
   */
  async execute(call: CollectiveCall): Promise<CallTraffic> {
    const { signature, number } = call;
    const channel = new CallChannel({ ...this.#options, signature, number });
    const { isTraced } = this.#configuration;
    const { layout } = this.#divisionOf(call);
    await Promise.all([channel.agree(), execute(channel, call, { layout, reduction: () => this.#reduction(call) })]);
    return { bytesSent: channel.bytesSent, ...(isTraced && { partners: channel.partners }) };
  }

  #divisionOf({ shards }: CollectiveCall): Division {
    const { layout: own } = this.#configuration;
    const known = this.#divisions.get(shards ?? own.shards);
    if (known) return known;
    const layout = shards === undefined ? own : dividedLayout(own, shards);
    const division = { layout, schedules: schedulesOf(layout) };
    this.#divisions.set(shards ?? own.shards, division);
    return division;
  }

  #reduction(call: CollectiveCall): Reduction {
    const { signature, inputs, algorithm = 'direct' } = call;
    const { segmentBytes } = this.#configuration;
    const { layout, schedules } = this.#divisionOf(call);
    const { dtype, op = 'sum', wire = 'f32' } = signature;
    return {
      stages: schedules.get(algorithm)!,
      encoding: encodingOf(dtype as DType, op, wire),
      shards: layout.shards,
      ranges: layout.nodes[this.#options.transport.rank]!,
      nodes: inputs,
      segmentBytes,
      divisor: op === 'mean' ? layout.shards : 1,
    };
  }
}
