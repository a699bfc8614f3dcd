// The collectives that a trainer or a script calls: the ranks of one transport and what they do together. Reductions keep
// the canonical tree, so their bits depend neither on the number of workers nor on which message came first. Here calls
// are checked, numbered and ended together; executor.ts carries them out, and what they do is in algorithms/.

import { Chooser, type Link, type Links, type Plan } from './algorithms/choose.ts';
import { dividedLayout, type Layout, layoutOf, numberOf } from './algorithms/layout.ts';
import type { AlgorithmName } from './algorithms/schedule.ts';
import { type DType, encodingOf, type Reducible, type ReduceOp, wires } from './arithmetic/encoding.ts';
import {
  checkApart,
  checkBounds,
  checkChoice,
  checkedRoot,
  checkedTag,
  checkElements,
  checkLike,
  checkOutput,
  checkOptions,
  checkReducible,
  checkWhole,
  lengthOf,
} from './arguments.ts';
import type { GroupOptions, ReduceOptions, SliceOptions } from './group-options.ts';
import { bytesOf, type Elements, sliceOf } from './call-channel.ts';
import { gatherTag } from './messages.ts';
import { concernsAll } from './notice.ts';
import type { CollectiveCall } from './collective-call.ts';
import type { CallTraffic } from './executor.ts';
import { openShared, type Shared } from './shared.ts';
import { ArgumentError } from '@lockstep/errors';
import type { ShardRange } from './shard-tree.ts';
import type { Transport } from './transport.ts';
import { type EncodedValue, encodeValue } from './values.ts';
import type { Waits } from './waits.ts';

const ops: readonly ReduceOp[] = ['sum', 'mean', 'max', 'min'];
const maxGrain = 2 ** 32;
const maxElements = 2 ** 32;

/** Bytes of a message of a direct all-reduce; a segment is as many messages as there are ranks. */
const messageBytes = 4 * 2 ** 20;

/**
 * Makes the ranks of `transport` a group; one group per transport.
 *
 * Throws `ConfigError` unless `shards` is a power of two and at least the number of ranks, and ranges and hosts fit.
 */
export function createGroup(transport: Transport, options: GroupOptions = {}): Group {
  return new Group(transport, options, layoutOf(transport.size, options));
}

/**
 * Every rank calls the same collectives in the same order; several may be in flight. Arrays belong to a call until it
 * settles. When a peer is lost, a deadline passes, a message is wrong or the ranks' calls differ, all pending calls reject
 * with that error (`PeerLostError`, `TimeoutError`, `ProtocolError`, `MismatchError`) and so does every later one; close
 * the transport before reusing the arrays then.
 */
export class Group {
  readonly rank: number;
  readonly size: number;
  /** Leaves of the tree along which reductions add. */
  readonly shards: number;
  /** The nodes of the shard tree whose values this rank gives to reductions. */
  readonly nodes: readonly ShardRange[];
  readonly #transport: Transport;
  readonly #layout: Layout;
  readonly #options: GroupOptions;
  readonly #shared: Shared;
  readonly #waits: Waits;
  readonly #chooser: Chooser;
  readonly #segmentBytes: number;
  readonly #ranks: readonly number[];
  readonly #others: readonly number[];
  readonly #layoutNumbers = new Map<AlgorithmName, number>();
  readonly #base: Group | undefined;
  #closed: Promise<void> | undefined;

  /** @param base the group that has the connections, where this is the same one with other shards */
  constructor(transport: Transport, options: GroupOptions, layout: Layout, base?: Group) {
    const { rank, size } = transport;
    this.#transport = transport;
    this.rank = rank;
    this.size = size;
    this.#options = options;
    this.#layout = layout;
    this.#base = base;
    this.#chooser = new Chooser(layout);
    this.#segmentBytes = options.segmentBytes ?? size * messageBytes;
    this.shards = layout.shards;
    this.nodes = layout.nodes[rank]!;
    this.#ranks = Array.from({ length: size }, (_, peer) => peer);
    this.#others = this.#ranks.filter((peer) => peer !== rank);
    if (base) this.#chooser.links = base.#chooser.links;
    this.#shared = base ? base.#shared : this.#open();
    this.#waits = this.#shared.waits;
  }

  #open(): Shared {
    const { timeoutMs = 60_000, trace } = this.#options;
    const common = { layout: this.#layout, segmentBytes: this.#segmentBytes, timeoutMs, isTraced: trace !== undefined };
    return openShared(this.#transport, common, {
      fail: (error) => this.#fail(error),
      expectOpen: () => this.#expectOpen(),
    });
  }

  /**
   * The same ranks, with their work divided into so many shards: for reductions of values of its {@link nodes}. Calls of both are numbered
   * together, and whichever is closed closes both.
   * @throws {ConfigError} unless it is a power of two and at least the number of ranks.
   */
  withShards(shards: number): Group {
    if (shards === this.#layout.shards) return this;
    const layout = dividedLayout(this.#layout, shards);
    return new Group(this.#transport, { ...this.#options, shards }, layout, this.#base ?? this);
  }

  /**
   * out = the reduction over all shards along the fixed tree, the same bits on every rank and for every number of ranks.
   * `nodes` are the values of `this.nodes`, each as long as `out` (or the one array where there is one node); they are
   * only read, and `out`, by default the first of them, may be one of them. With a power of two of ranks each of them
   * sends 2·(size − 1)/size of the bytes.
   *
   * A sum of f32 flushes subnormals at each addition; i32 wraps; bf16 and f16 round to nearest even at each node.
   */
  async allReduce<T extends Reducible>(nodes: T | readonly T[], out?: T, options: ReduceOptions = {}): Promise<void> {
    await this.#collective(() => {
      const { values, dtype } = this.#values('allReduce', nodes, options);
      const output = out ?? values[0]!;
      this.#checkNodes('allReduce', values, lengthOf('allReduce', 'out', output));
      checkOutput('allReduce', values, output, (value) => value);
      const algorithm = this.#chooser.choose(output.byteLength, this.#options.algorithm);
      const { op = 'sum', wire = 'f32' } = options;
      const { length } = output;
      const layout = this.#layoutNumber(algorithm);
      return { signature: { name: 'allReduce', op, dtype, wire, length, layout }, algorithm, inputs: values, output };
    });
  }

  /** What an all-reduce of so many bytes does here, and why. */
  plan(bytes: number): Plan {
    return this.#chooser.plan(bytes, this.#segmentBytes, this.#options.algorithm);
  }

  /**
   * slice = the reduction over all shards of the part that this rank owns: `sliceOf(node, rank, size, grain)`, and may be
   * that part of one of the nodes. With the wire `int8` the grain is a multiple of 32.
   */
  async reduceScatter<T extends Reducible>(
    nodes: T | readonly T[],
    slice: T,
    options: ReduceOptions & SliceOptions = {},
  ): Promise<void> {
    await this.#collective(() => {
      const { values, dtype, unit } = this.#values('reduceScatter', nodes, options);
      const { op = 'sum', wire = 'f32', grain = 1, bounds } = options;
      const { length } = values[0]!;
      this.#checkNodes('reduceScatter', values, length);
      checkWhole('reduceScatter', 'grain', grain, 1, maxGrain);
      checkBounds('reduceScatter', bounds, { length, unit, size: this.size });
      if (!bounds && grain % unit !== 0)
        throw new ArgumentError(
          `reduceScatter: expected a grain that is a multiple of ${unit} over the wire ${wire}, got ${grain}`,
        );
      checkOutput('reduceScatter', values, slice, (value) => sliceOf(value, this.rank, this.size, { grain, bounds }));
      const layout = this.#layoutNumber('direct', bounds);
      const signature = { name: 'reduceScatter', op, dtype, wire, length, grain, layout } as const;
      return { signature, inputs: values, output: slice, bounds };
    });
  }

  /** out = everybody's `mine` in the order of ranks. `mine` is as long as `sliceOf(out, rank, size, grain)`, and may be it. */
  async allGather<T extends Elements>(mine: T, out: T, options: SliceOptions = {}): Promise<void> {
    await this.#collective(() => {
      const dtype = checkElements('allGather', 'out', out);
      checkOptions('allGather', options);
      const { grain = 1, bounds } = options;
      checkWhole('allGather', 'grain', grain, 1, maxGrain);
      checkBounds('allGather', bounds, { length: out.length, unit: 1, size: this.size });
      const slice = sliceOf(out, this.rank, this.size, { grain, bounds });
      checkLike('allGather', 'the data', mine, dtype, slice.length);
      slice.set(mine);
      const layout = bounds && numberOf(bounds);
      return {
        signature: { name: 'allGather', dtype, length: out.length, grain, layout },
        inputs: [],
        output: out,
        bounds,
      };
    });
  }

  /** Gives everybody what `root` has in `data`. */
  async broadcast(data: Elements, options: { root?: number } = {}): Promise<void> {
    await this.#collective(() => {
      const dtype = checkElements('broadcast', 'the data', data);
      const root = checkedRoot('broadcast', options, this.size);
      return { signature: { name: 'broadcast', dtype, length: data.length, root }, inputs: [], output: data };
    });
  }

  /** On `root`, out = everybody's `mine` in the order of ranks, all of one length. The others give no `out`. */
  async gather<T extends Elements>(mine: T, out?: T, options: { root?: number } = {}): Promise<void> {
    await this.#collective(() => {
      const dtype = checkElements('gather', 'the data', mine);
      const root = checkedRoot('gather', options, this.size);
      if (this.rank === root) checkLike('gather', 'out', out, dtype, this.size * mine.length);
      const output = this.rank === root ? out : undefined;
      return { signature: { name: 'gather', dtype, length: mine.length, root }, inputs: [mine], output };
    });
  }

  /** Part j of `data` goes to rank j, part i of `out` comes from rank i. Both have `size` equal parts and share no memory. */
  async allToAll<T extends Elements>(data: T, out: T): Promise<void> {
    await this.#collective(() => {
      const dtype = checkElements('allToAll', 'the data', data);
      checkLike('allToAll', 'out', out, dtype, data.length);
      checkApart('allToAll', ['the data', data], ['out', out]);
      if (data.length % this.size !== 0)
        throw new ArgumentError(`allToAll: expected a multiple of ${this.size} elements, got ${data.length}`);
      return { signature: { name: 'allToAll', dtype, length: data.length }, inputs: [data], output: out };
    });
  }

  /** Resolves when every rank has called it. */
  async barrier(): Promise<void> {
    await this.#collective(() => ({ signature: { name: 'barrier', dtype: 'none', length: 0 }, inputs: [] }));
  }

  /**
   * Sends an array to one rank, which receives it with the same tag, below 2³⁰ − 1. Resolves when `data` may be reused; a
   * large message may wait for its `recv`, so that two ranks that send to each other should receive meanwhile.
   */
  async send(to: number, data: Elements, options: { tag?: number } = {}): Promise<void> {
    checkElements('send', 'the data', data);
    await this.#shared.messages.send(to, checkedTag('send', options), bytesOf(data));
  }

  /** Fills `into` with the next array that `from` sent with the same tag. */
  async recv(from: number, into: Elements, options: { tag?: number } = {}): Promise<void> {
    checkElements('recv', 'the data', into);
    await this.#shared.messages.recv(from, checkedTag('recv', options), bytesOf(into));
  }

  /** Sends anything that msgpack knows, up to 16 MiB. */
  async sendValue(to: number, value: unknown, options: { tag?: number } = {}): Promise<void> {
    await this.#shared.messages.sendValue(to, checkedTag('sendValue', options), encodeValue(value));
  }

  /** The next value that `from` sent with the same tag. It is data from outside: check it before use. */
  async recvValue(from: number, options: { tag?: number } = {}): Promise<unknown> {
    return this.#shared.messages.recvValue(from, checkedTag('recvValue', options));
  }

  /** Everybody's value, in the order of ranks, on every rank. One that cannot be sent fails the group on all of them. */
  async allGatherValues(value: unknown): Promise<unknown[]> {
    const [messages, encoded] = [this.#shared.messages, this.#encoded(value)];
    const [values] = await Promise.all([
      Promise.all(this.#ranks.map((peer) => (peer === this.rank ? value : messages.recvValue(peer, gatherTag)))),
      ...this.#others.map((peer) => messages.sendValue(peer, gatherTag, encoded)),
    ]);
    return values;
  }

  /** An array that collectives need not copy from or to, shared, and registered where the fabric wants it: for good. */
  allocate(length: number): Float32Array {
    checkWhole('allocate', 'number of elements', length, 0, maxElements);
    const bytes = this.#shared.scratch.take(length * Float32Array.BYTES_PER_ELEMENT);
    return new Float32Array(bytes.buffer, bytes.byteOffset, length);
  }

  /**
   * Measures the links, some milliseconds each, for the choice of algorithms; a collective call. All ranks end with the
   * same figures.
   */
  async measure(): Promise<Links> {
    const { local, remote } = this.#chooser.links;
    const figures = Float32Array.of(local.latencyUs, local.bandwidth, remote.latencyUs, remote.bandwidth);
    const signature = { name: 'measure', dtype: 'f32', length: 4 } as const;
    await this.#collective(() => ({ signature, inputs: [], output: figures }));
    const linkAt = (i: number): Link => ({ latencyUs: figures[i]!, bandwidth: figures[i + 1]! });
    return (this.#chooser.links = { local: linkAt(0), remote: linkAt(2) });
  }

  /**
   * Takes leave of the others, and resolves when the transport can be closed, or the process end: when every other rank has
   * all that this one sent, takes leave itself, or is gone; it may be busy for as long as a message may be waited for.
   * Pending calls reject.
   */
  close(): Promise<void> {
    if (this.#base) return this.#base.close();
    this.#closed ??= this.#leave();
    return this.#closed;
  }

  async #leave(): Promise<void> {
    if (this.#waits.failure) return; // as that of the others has
    this.#waits.fail(new Error('group: expected an open group, got one that was closed'));
    await this.#shared.notices.leave(this.#shared.timeoutMs);
    this.#shared.scratch.clear();
  }

  /** Checks what is to be reduced; `unit` is how many elements travel as one. */
  #values<T extends Reducible>(
    who: string,
    nodes: T | readonly T[],
    options: ReduceOptions,
  ): { values: readonly T[]; dtype: DType; unit: number } {
    checkOptions(who, options);
    const { op = 'sum', wire = 'f32', half = 'bf16' } = options;
    checkChoice(who, 'op', op, ops);
    checkChoice(who, 'wire', wire, wires);
    checkChoice(who, 'half', half, ['bf16', 'f16']);
    const values = Array.isArray(nodes) ? (nodes as readonly T[]) : [nodes as T];
    if (values.length === 0) throw new ArgumentError(`${who}: expected ${this.nodes.length} nodes, got none`);
    const [dtype] = values.map((value) => checkReducible(who, 'a node', value, half));
    return { values, dtype: dtype!, unit: encodingOf(dtype!, op, wire).elements };
  }

  #checkNodes(who: string, values: readonly Reducible[], length: number): void {
    const kind = checkElements(who, 'a node', values[0]);
    for (const value of values) checkLike(who, 'every node', value, kind);
    if (values.length === this.nodes.length && values.every((value) => value.length === length)) return;
    throw new ArgumentError(
      `${who}: expected ${this.nodes.length} nodes of length ${length}, got [${values.map((value) => value.length).join()}]`,
    );
  }

  #layoutNumber(algorithm: AlgorithmName, bounds?: readonly number[]): number {
    if (bounds) return numberOf(algorithm, this.#segmentBytes, this.#layout, bounds);
    const known = this.#layoutNumbers.get(algorithm);
    if (known !== undefined) return known;
    const number = numberOf(algorithm, this.#segmentBytes, this.#layout);
    this.#layoutNumbers.set(algorithm, number);
    return number;
  }

  async #execute(call: CollectiveCall): Promise<CallTraffic> {
    const elsewhere = this.#shared.offload?.execute(call);
    return elsewhere ? this.#waits.together(elsewhere) : this.#shared.executor.execute(call);
  }

  async #collective(prepare: () => Omit<CollectiveCall, 'number'>): Promise<void> {
    this.#expectOpen();
    const start = performance.now();
    const call = this.#prepared(prepare);
    const { bytesSent, partners } = await this.#execute({
      ...call,
      shards: this.#base && this.#layout.shards,
      number: this.#shared.calls++,
    });
    const { name, op, dtype, wire, length } = call.signature;
    const args = { op, dtype, wire, elements: length, bytesSent, algorithm: call.algorithm, peers: partners };
    this.#options.trace?.({ name, category: 'reduce', start, end: performance.now(), args });
  }

  /**
   * A call that is refused here counts all the same, and the others are told so in its place: where all ranks refuse
   * theirs the group is as before, and where one does not, it fails on all, and nobody waits.
   */
  #prepared(prepare: () => Omit<CollectiveCall, 'number'>): Omit<CollectiveCall, 'number'> {
    try {
      return prepare();
    } catch (error) {
      const signature = { name: 'refused', dtype: 'none', length: 0 } as const;
      this.#execute({ signature, inputs: [], number: this.#shared.calls++ }).catch(() => {}); // it has failed all others, too
      throw error;
    }
  }

  #encoded(value: unknown): EncodedValue {
    this.#expectOpen();
    try {
      return encodeValue(value);
    } catch (error) {
      if (this.size > 1) this.#waits.fail(error as Error); // the others wait for it
      throw error;
    }
  }

  #expectOpen(): void {
    if (this.#waits.failure) throw this.#waits.failure;
  }

  /** Ends what is under way, and tells those who cannot know. */
  #fail(error: Error): void {
    this.#shared.offload?.fail();
    if (concernsAll(error)) this.#shared.notices.fail(error);
  }
}
