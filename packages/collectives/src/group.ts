// The collectives that a trainer or a script calls: the ranks of one transport and what they do together. Reductions keep
// the canonical tree, so their bits depend neither on the number of workers nor on which message came first. Here calls
// are checked, numbered and ended together; performer.ts carries them out, and what they do is in algorithms/.

import { Chooser, type Link, type Links, type Plan } from './algorithms/choose.ts';
import { type Layout, type LayoutOptions, layoutOf } from './algorithms/layout.ts';
import type { AlgorithmName } from './algorithms/schedule.ts';
import { dtypeOf, encodingOf, type HalfType, type ReduceOp, type Reducible, type Wire } from './arithmetic/encoding.ts';
import { bytesOf, type Elements, sliceOf } from './call.ts';
import { checkedTag, gatherTag, Messages } from './messages.ts';
import { decodeNotice, encodeNotice, noticeBytes, noticeTag, notify } from './notice.ts';
import type { Order } from './order.ts';
import { type Offload, type Performed, Performer, type Plot } from './performer.ts';
import { Scratch } from './scratch.ts';
import type { ShardRange } from './shard-tree.ts';
import { mismatchError, type MovedType } from './signature.ts';
import type { Trace } from './trace.ts';
import type { Transport } from './transport.ts';
import { Waits } from './waits.ts';

export interface GroupOptions extends LayoutOptions {
  /** How long one message may be waited for. */
  readonly timeoutMs?: number;
  /** Taken for every reduction that it can be taken for, instead of the fastest. */
  readonly algorithm?: AlgorithmName;
  /** Bytes of an array that are reduced as one piece; the same on every rank. */
  readonly segmentBytes?: number;
  /** Gets a span for every collective. */
  readonly trace?: Trace;
}

export interface ReduceOptions {
  readonly op?: ReduceOp;
  /** How f32 travels. */
  readonly wire?: Wire;
  /** What a `Uint16Array` holds. */
  readonly half?: HalfType;
}

export interface SliceOptions {
  /** Slices begin at multiples of so many elements. */
  readonly grain?: number;
}

/** Of a direct all-reduce: segments are as many of these as there are ranks. */
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
  /** The nodes of the shard tree whose values this rank gives to reductions. */
  readonly nodes: readonly ShardRange[];
  readonly #transport: Transport;
  readonly #layout: Layout;
  readonly #options: GroupOptions;
  readonly #waits: Waits;
  readonly #scratch: Scratch;
  readonly #chooser: Chooser;
  readonly #segmentBytes: number;
  readonly #ranks: readonly number[];
  readonly #others: readonly number[];
  readonly #layoutNumbers = new Map<AlgorithmName, number>();
  readonly #messages: Messages;
  readonly #performer: Performer;
  /** Where the bridge has a thread of its own, that does the work. */
  readonly #offload: Offload | undefined;
  #calls = 0;

  constructor(transport: Transport, options: GroupOptions, layout: Layout) {
    const { rank, size } = transport;
    this.rank = rank;
    this.size = size;
    this.#transport = transport;
    this.#options = options;
    this.#layout = layout;
    const timeoutMs = options.timeoutMs ?? 60_000;
    this.#waits = new Waits(timeoutMs, () => this.#offload?.fail());
    this.#messages = new Messages(transport, this.#waits, () => this.#expectOpen());
    this.#scratch = new Scratch(transport.allocate?.bind(transport));
    this.#chooser = new Chooser(layout);
    this.#segmentBytes = options.segmentBytes ?? size * messageBytes;
    this.nodes = layout.nodes[rank]!;
    this.#ranks = Array.from({ length: size }, (_, peer) => peer);
    this.#others = this.#ranks.filter((peer) => peer !== rank);
    const plot: Plot = { layout, segmentBytes: this.#segmentBytes, timeoutMs, isTraced: options.trace !== undefined };
    this.#performer = new Performer(plot, { transport, waits: this.#waits, scratch: this.#scratch });
    this.#offload = transport.offload?.(plot);
    for (const peer of this.#others) this.#watch(peer);
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
    const { values, dtype } = this.#values('allReduce', nodes, options);
    const output = out ?? values[0]!;
    this.#expectNodes('allReduce', values, output.length);
    const algorithm = this.#chooser.choose(output.byteLength, this.#options.algorithm);
    const { op = 'sum', wire = 'f32' } = options;
    const { length } = output;
    const layout = this.#layoutNumber(algorithm);
    await this.#collective({
      signature: { name: 'allReduce', op, dtype, wire, length, layout },
      algorithm,
      inputs: values,
      output,
    });
  }

  /** What an all-reduce of so many bytes does here, and why. */
  plan(bytes: number): Plan {
    return this.#chooser.plan(bytes, this.#segmentBytes, this.#options.algorithm);
  }

  /**
   * slice = the reduction over all shards of the part that this rank owns: `sliceOf(node, rank, size, grain)`. With the
   * wire `int8` the grain is a multiple of 32.
   */
  async reduceScatter<T extends Reducible>(
    nodes: T | readonly T[],
    slice: T,
    { grain = 1, ...options }: ReduceOptions & SliceOptions = {},
  ): Promise<void> {
    const { values, dtype, unit } = this.#values('reduceScatter', nodes, options);
    const { length } = values[0]!;
    this.#expectNodes('reduceScatter', values, length);
    expectLength('reduceScatter', slice, sliceOf(values[0]!, this.rank, this.size, grain).length);
    if (grain % unit !== 0)
      throw new RangeError(
        `reduceScatter: expected a grain that is a multiple of ${unit} over the wire ${options.wire}, got ${grain}`,
      );
    const { op = 'sum', wire = 'f32' } = options;
    const layout = this.#layoutNumber('direct');
    await this.#collective({
      signature: { name: 'reduceScatter', op, dtype, wire, length, grain, layout },
      inputs: values,
      output: slice,
    });
  }

  /** out = everybody's `mine` in the order of ranks. `mine` is as long as `sliceOf(out, rank, size, grain)`, and may be it. */
  async allGather<T extends Elements>(mine: T, out: T, { grain = 1 }: SliceOptions = {}): Promise<void> {
    const slice = sliceOf(out, this.rank, this.size, grain);
    expectLength('allGather', mine, slice.length);
    slice.set(mine);
    const signature = { name: 'allGather', dtype: nameOf(out), length: out.length, grain } as const;
    await this.#collective({ signature, inputs: [], output: out });
  }

  /** Gives everybody what `root` has in `data`. */
  async broadcast(data: Elements, { root = 0 }: { root?: number } = {}): Promise<void> {
    this.#expectRank('broadcast', root);
    const signature = { name: 'broadcast', dtype: nameOf(data), length: data.length, root } as const;
    await this.#collective({ signature, inputs: [], output: data });
  }

  /** On `root`, out = everybody's `mine` in the order of ranks, all of one length. The others give no `out`. */
  async gather<T extends Elements>(mine: T, out?: T, { root = 0 }: { root?: number } = {}): Promise<void> {
    this.#expectRank('gather', root);
    if (this.rank === root) expectLength('gather', out ?? mine.subarray(0, 0), this.size * mine.length);
    const signature = { name: 'gather', dtype: nameOf(mine), length: mine.length, root } as const;
    await this.#collective({ signature, inputs: [mine], output: this.rank === root ? out : undefined });
  }

  /** Part j of `data` goes to rank j, part i of `out` comes from rank i. Both have `size` equal parts and share no memory. */
  async allToAll<T extends Elements>(data: T, out: T): Promise<void> {
    expectLength('allToAll', out, data.length);
    if (data.length % this.size !== 0)
      throw new RangeError(`allToAll: expected a multiple of ${this.size} elements, got ${data.length}`);
    const signature = { name: 'allToAll', dtype: nameOf(data), length: data.length } as const;
    await this.#collective({ signature, inputs: [data], output: out });
  }

  /** Resolves when every rank has called it. */
  async barrier(): Promise<void> {
    await this.#collective({ signature: { name: 'barrier', dtype: 'none', length: 0 }, inputs: [] });
  }

  /**
   * Sends an array to one rank, which receives it with the same tag, below 2³⁰ − 1. Resolves when `data` may be reused; a
   * large message may wait for its `recv`, so that two ranks that send to each other should receive meanwhile.
   */
  async send(to: number, data: Elements, { tag = 0 }: { tag?: number } = {}): Promise<void> {
    await this.#messages.send(to, checkedTag(tag), bytesOf(data));
  }

  /** Fills `into` with the next array that `from` sent with the same tag. */
  async recv(from: number, into: Elements, { tag = 0 }: { tag?: number } = {}): Promise<void> {
    await this.#messages.recv(from, checkedTag(tag), bytesOf(into));
  }

  /** Sends anything that msgpack knows, up to 16 MiB. */
  async sendValue(to: number, value: unknown, { tag = 0 }: { tag?: number } = {}): Promise<void> {
    await this.#messages.sendValue(to, checkedTag(tag), value);
  }

  /** The next value that `from` sent with the same tag. It is data from outside: check it before use. */
  async recvValue(from: number, { tag = 0 }: { tag?: number } = {}): Promise<unknown> {
    return this.#messages.recvValue(from, checkedTag(tag));
  }

  /** Everybody's value, in the order of ranks, on every rank. */
  async allGatherValues(value: unknown): Promise<unknown[]> {
    const messages = this.#messages;
    const [values] = await Promise.all([
      Promise.all(this.#ranks.map((peer) => (peer === this.rank ? value : messages.recvValue(peer, gatherTag)))),
      ...this.#others.map((peer) => messages.sendValue(peer, gatherTag, value)),
    ]);
    return values;
  }

  /** An array that collectives need not copy from or to, shared, and registered where the fabric wants it: for good. */
  allocate(length: number): Float32Array {
    const bytes = this.#scratch.take(length * Float32Array.BYTES_PER_ELEMENT);
    return new Float32Array(bytes.buffer, bytes.byteOffset, length);
  }

  /**
   * Measures the links, some milliseconds each, for the choice of algorithms; a collective call. All ranks end with the
   * same figures.
   */
  async measure(): Promise<Links> {
    const { local, remote } = this.#chooser.links;
    const figures = Float32Array.of(local.latencyUs, local.bandwidth, remote.latencyUs, remote.bandwidth);
    await this.#collective({ signature: { name: 'measure', dtype: 'f32', length: 4 }, inputs: [], output: figures });
    const linkAt = (i: number): Link => ({ latencyUs: figures[i]!, bandwidth: figures[i + 1]! });
    return (this.#chooser.links = { local: linkAt(0), remote: linkAt(2) });
  }

  /** Takes leave of the others, so that the transport can be closed while they still finish. Pending calls reject. */
  async close(): Promise<void> {
    if (this.#waits.failure) return;
    await notify(this.#transport, encodeNotice(undefined));
    this.#waits.fail(new Error('group: closed'));
    this.#scratch.clear();
  }

  /** Checks what is to be reduced; `unit` is how many elements travel as one. */
  #values<T extends Reducible>(
    who: string,
    nodes: T | readonly T[],
    { op = 'sum', wire = 'f32', half = 'bf16' }: ReduceOptions,
  ): { values: readonly T[]; dtype: MovedType; unit: number } {
    const values = Array.isArray(nodes) ? (nodes as readonly T[]) : [nodes as T];
    if (values.length === 0) throw new RangeError(`${who}: expected ${this.nodes.length} nodes, got none`);
    const dtype = dtypeOf(values[0]!, half);
    return { values, dtype, unit: encodingOf(dtype, op, wire).elements };
  }

  #expectNodes(who: string, values: readonly Reducible[], length: number): void {
    if (values.length === this.nodes.length && values.every((value) => value.length === length)) return;
    throw new RangeError(
      `${who}: expected ${this.nodes.length} nodes of length ${length}, got [${values.map((value) => value.length).join()}]`,
    );
  }

  /** The same on all ranks whose groups are alike, and most likely another where they are not. */
  #layoutNumber(algorithm: AlgorithmName): number {
    const known = this.#layoutNumbers.get(algorithm);
    if (known !== undefined) return known;
    const words = JSON.stringify([algorithm, this.#segmentBytes, this.#layout]);
    let hash = 0x811c9dc5; // FNV-1a (Fowler, Noll, Vo)
    for (let i = 0; i < words.length; i++) hash = Math.imul(hash ^ words.charCodeAt(i), 0x01000193) >>> 0;
    this.#layoutNumbers.set(algorithm, hash);
    return hash;
  }

  #expectRank(who: string, root: number): void {
    if (Number.isInteger(root) && root >= 0 && root < this.size) return;
    throw new RangeError(`${who}: expected a root below ${this.size}, got ${root}`);
  }

  async #perform(order: Order): Promise<Performed> {
    const elsewhere = this.#offload?.perform(order);
    return elsewhere ? this.#waits.together(elsewhere) : this.#performer.perform(order);
  }

  async #collective(order: Omit<Order, 'number'>): Promise<void> {
    this.#expectOpen();
    const start = performance.now();
    const { bytesSent, partners } = await this.#perform({ ...order, number: this.#calls++ });
    const { name, op, dtype, wire, length } = order.signature;
    const args = { op, dtype, wire, elements: length, bytesSent, algorithm: order.algorithm, peers: partners };
    this.#options.trace?.({ name, category: 'reduce', start, end: performance.now(), args });
  }

  #expectOpen(): void {
    if (this.#waits.failure) throw this.#waits.failure;
  }

  /** A receive that ends with the peer: with its notice, or by an error that fails the group at once. */
  #watch(peer: number): void {
    const bytes = new Uint8Array(noticeBytes);
    const hear = (): void => {
      const mismatch = decodeNotice(bytes);
      if (mismatch) this.#waits.fail(mismatchError(mismatch));
    };
    this.#transport
      .recv(peer, noticeTag, bytes)
      .then(hear)
      .catch((error: Error) => this.#waits.fail(error));
  }
}

function expectLength(who: string, { length }: Elements, expected: number): void {
  if (length !== expected) throw new RangeError(`${who}: expected ${expected} elements, got ${length}`);
}

function nameOf(data: Elements): MovedType {
  if (data instanceof Float32Array) return 'f32';
  if (data instanceof Int32Array) return 'i32';
  return data instanceof Uint16Array ? 'u16' : 'u8';
}
