// The collectives that a trainer calls: the ranks of one transport and what they do together. The sums keep the
// canonical tree, so their bits depend neither on the number of workers nor on which message came first.

import { allGather } from './all-gather.ts';
import { Call, type Elements, sliceOf } from './call.ts';
import { ConfigError } from './errors.ts';
import { reduceScatter } from './reduce-scatter.ts';
import { Scratch } from './scratch.ts';
import { nodesOf, shardRange, type ShardRange } from './shard-tree.ts';
import type { Transport } from './transport.ts';
import { Waits } from './waits.ts';

export interface GroupOptions {
  /** Shards of a step: a power of two, at least the number of workers, the same on every rank. */
  readonly shards: number;
  /** How long one message may be waited for. */
  readonly timeoutMs?: number;
  /** The most shards that one of the nodes given to `allReduce` covers, the same on every rank. */
  readonly nodeLimit?: number;
}

/** Tags from here up belong to collectives, one per call in the order of calls; those below are the callers' own. */
const firstCollectiveTag = 2 ** 31;
/** On this tag a rank says that it is done, so that its leaving is no failure. */
const farewellTag = 2 ** 32 - 1;

/**
 * Makes the ranks of `transport` a group; one group per transport.
 *
 * Throws `ConfigError` unless `shards` is a power of two and at least the number of ranks.
 */
export function createGroup(transport: Transport, options: GroupOptions): Group {
  const { shards } = options;
  if (!Number.isInteger(Math.log2(shards)))
    throw new ConfigError(`createGroup: expected a power of two of shards, got ${shards}`);
  if (transport.size > shards) {
    throw new ConfigError(
      `createGroup: expected at most one worker per shard (${shards}), got ${transport.size} workers`,
    );
  }
  return new Group(transport, options);
}

/**
 * Every rank calls the same collectives in the same order; several may be in flight. Arrays belong to a call until it
 * settles. When a peer is lost, a deadline passes or a message is wrong, all pending calls reject with that error
 * (`PeerLostError`, `TimeoutError`, `ProtocolError`) and so does every later one; close the transport before
 * reusing the arrays then.
 */
export class Group {
  readonly rank: number;
  readonly size: number;
  /** The nodes whose sums this rank gives to `allReduce`. */
  readonly nodes: readonly ShardRange[];
  readonly #transport: Transport;
  readonly #waits: Waits;
  readonly #scratch: Scratch;
  readonly #plan: readonly (readonly ShardRange[])[];
  #calls = 0;

  constructor(transport: Transport, { shards, timeoutMs = 60_000, nodeLimit = shards }: GroupOptions) {
    const { rank, size } = transport;
    this.rank = rank;
    this.size = size;
    this.#transport = transport;
    this.#waits = new Waits(timeoutMs);
    this.#scratch = new Scratch(transport.allocate?.bind(transport));
    this.#plan = Array.from({ length: size }, (_, r) => shardRange(r, size, shards)).map(({ lo, hi }) =>
      nodesOf(lo, hi, nodeLimit),
    );
    this.nodes = this.#plan[rank]!;
    for (let peer = 0; peer < size; peer++) if (peer !== rank) this.#watch(peer);
  }

  /**
   * out = the sum over all shards along the fixed tree, the same bits on every rank and for every number of ranks.
   * `nodes` are the sums over `this.nodes`, each as long as `out`; they are only read, and `out` may be one of them.
   * Reduce-scatter and all-gather: 2·(size − 1)/size of the bytes are sent when size is a power of two.
   */
  async allReduce(nodes: readonly Float32Array[], out: Float32Array): Promise<void> {
    if (nodes.length !== this.nodes.length || nodes.some((node) => node.length !== out.length)) {
      throw new RangeError(
        `allReduce: expected ${this.nodes.length} nodes of length ${out.length}, got [${nodes.map((node) => node.length).join()}]`,
      );
    }
    await this.#collective('allReduce', async (call) => {
      await reduceScatter(call, { plan: this.#plan, nodes, out });
      await allGather(call, out);
    });
  }

  /** out = everybody's `mine` in the order of ranks. `mine` is as long as `sliceOf(out, rank, size)`, and may be it. */
  async allGather<T extends Elements>(mine: T, out: T): Promise<void> {
    const slice = sliceOf(out, this.rank, this.size);
    if (mine.length !== slice.length)
      throw new RangeError(`allGather: expected ${slice.length} elements, got ${mine.length}`);
    slice.set(mine);
    await this.#collective('allGather', (call) => allGather(call, out));
  }

  /** Gives everybody what `root` has in `data`. */
  async broadcast(data: Elements, { root = 0 }: { root?: number } = {}): Promise<void> {
    await this.#collective('broadcast', async (call) => {
      if (this.rank === root) await Promise.all(call.peers.map((peer) => call.send(peer, data)));
      else await call.recv(root, data);
    });
  }

  /** Resolves when every rank has called it. A dissemination barrier (Hensgen, Finkel, Manber 1988): log₂ size hops. */
  async barrier(): Promise<void> {
    await this.#collective('barrier', async (call) => {
      const nothing = new Uint8Array(0);
      for (let hop = 1; hop < this.size; hop *= 2) {
        const [to, from] = [(this.rank + hop) % this.size, (this.rank - hop + this.size) % this.size];
        await Promise.all([call.send(to, nothing), call.recv(from, nothing)]);
      }
    });
  }

  /** Sends `bytes` to one rank, which receives them with the same tag, below 2³¹. Resolves when `bytes` may be reused. */
  async send(to: number, bytes: Uint8Array, { tag = 0 }: { tag?: number } = {}): Promise<void> {
    await this.#call('send', checkedTag(tag)).send(to, bytes);
  }

  /** Fills `into` with the next bytes that `from` sent with the same tag. */
  async recv(from: number, into: Uint8Array, { tag = 0 }: { tag?: number } = {}): Promise<void> {
    await this.#call('recv', checkedTag(tag)).recv(from, into);
  }

  /** Takes leave of the others, so that the transport can be closed while they still finish. Pending calls reject. */
  async close(): Promise<void> {
    if (this.#waits.failure) return;
    const call = this.#call('close', farewellTag);
    await Promise.allSettled(call.peers.map((peer) => call.send(peer, Uint8Array.of(1))));
    this.#waits.fail(new Error('group: closed'));
  }

  async #collective(name: string, body: (call: Call) => Promise<void>): Promise<void> {
    const call = this.#call(name, firstCollectiveTag + (this.#calls++ % (farewellTag - firstCollectiveTag)));
    await body(call);
    call.release();
  }

  #call(name: string, tag: number): Call {
    if (this.#waits.failure) throw this.#waits.failure;
    return new Call({ name, tag, transport: this.#transport, waits: this.#waits, scratch: this.#scratch });
  }

  /** A receive that ends with the peer: with its farewell, or by an error that fails the group at once. */
  #watch(peer: number): void {
    this.#transport.recv(peer, farewellTag, new Uint8Array(1)).catch((error: Error) => this.#waits.fail(error));
  }
}

function checkedTag(tag: number): number {
  if (Number.isInteger(tag) && tag >= 0 && tag < firstCollectiveTag) return tag;
  throw new RangeError(`group: expected a tag from 0 to 2³¹ − 1, got ${tag}`);
}
