// The collectives that are executed in the thread of UCX, for the groups of the main thread.

import {
  arena,
  type CallTraffic,
  type CollectiveCall,
  type Elements,
  Executor,
  type GroupConfiguration,
  Scratch,
  Waits,
} from '@lockstep/collectives/offload';
import type { ThreadTransport } from './thread-transport.ts';

/** An array of the arena, as one thread tells another of it. */
export interface Span {
  readonly kind: string;
  readonly address: number;
  readonly length: number;
}

/** A call whose arrays are in the arena. */
export interface SharedCall extends Omit<CollectiveCall, 'inputs' | 'output'> {
  readonly inputs: readonly Span[];
  readonly output?: Span | undefined;
}

interface Kind {
  new (buffer: ArrayBufferLike, at: number, length: number): Elements;
  readonly BYTES_PER_ELEMENT: number;
}

interface Group {
  readonly executor: Executor;
  readonly scratch: Scratch;
  readonly waits: Waits;
  readonly calls: Set<Promise<unknown>>;
}

const kinds: Record<string, Kind> = { Float32Array, Int32Array, Uint16Array, Uint8Array };

/** @param array of the arena */
export function spanOf(array: Elements): Span {
  return { kind: array.constructor.name, address: array.length === 0 ? 0 : array.byteOffset, length: array.length };
}

function arrayOf({ kind, address, length }: Span): Elements {
  const Kind = kinds[kind] ?? Uint8Array;
  return new Kind(arena().view(address, length * Kind.BYTES_PER_ELEMENT).buffer, address, length);
}

export class Collectives {
  /** By view. */
  readonly #groups = new Map<number, Group>();
  #calls = 0;

  /** Whether no call is under way. */
  get isIdle(): boolean {
    return this.#calls === 0;
  }

  open(
    view: number,
    configuration: GroupConfiguration,
    transport: ThreadTransport,
    allocate: (byteLength: number) => Uint8Array,
  ): void {
    const scratch = new Scratch(allocate);
    const waits = new Waits(configuration.timeoutMs);
    this.#groups.set(view, {
      executor: new Executor(configuration, { transport, scratch, waits }),
      scratch,
      waits,
      calls: new Set(),
    });
  }

  async execute(view: number, { inputs, output, ...call }: SharedCall): Promise<CallTraffic> {
    const group = this.#groups.get(view);
    if (!group) throw new Error(`ucx: expected a group of view ${view}, got none`);
    const arrays = { inputs: inputs.map(arrayOf), output: output && arrayOf(output) };
    const traffic = group.executor.execute({ ...call, ...arrays });
    group.calls.add(traffic);
    this.#calls++;
    try {
      return await traffic;
    } finally {
      group.calls.delete(traffic);
      this.#calls--;
    }
  }

  /** Ends what is under way in a view. */
  fail(view: number, error: Error): void {
    this.#groups.get(view)?.waits.fail(error);
  }

  /** The same, and resolves when nothing in this thread works on its arrays any more. */
  async close(view: number, error: Error): Promise<void> {
    const group = this.#groups.get(view);
    this.#groups.delete(view);
    if (!group) return;
    group.waits.fail(error);
    await Promise.allSettled(group.calls);
    group.scratch.clear();
  }
}
