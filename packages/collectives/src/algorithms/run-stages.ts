// Carries out the stages of a schedule for one segment of the data, on one rank: reduces forwards, gathers backwards.
// It sees bytes in units and nodes of the tree; what a unit is, the encoding knows, and what a message is, the call.

import type { Encoding } from '../arithmetic/encoding.ts';
import type { Channel } from '../call-channel.ts';
import { mergeNodes, type NodeValue } from '../tree-sum.ts';
import type { Stage } from './schedule.ts';

/** Units start … end − 1 of the segment. */
export interface Part {
  readonly start: number;
  readonly end: number;
}

export interface SegmentOptions {
  readonly channel: Channel;
  readonly stages: readonly Stage[];
  readonly encoding: Encoding;
  readonly shards: number;
  /** Values of this rank's nodes over the whole segment. */
  readonly nodes: readonly NodeValue[];
  /** Units of the segment. */
  readonly units: number;
  /**
   * Where the result of a part goes: after reducing that of the part that this rank owns, after gathering all others too.
   * It may be a node's own memory.
   */
  readonly out: (part: Part) => Uint8Array;
  /** Who owns what of a part; evenly cut unless given. */
  readonly split?: (part: Part, owners: number) => Part[];
}

/** Parts that differ by at most one unit, from left to right. */
function splitEvenly({ start, end }: Part, owners: number): Part[] {
  const bound = (i: number): number => start + Math.floor(((end - start) * i) / owners);
  return Array.from({ length: owners }, (_, i) => ({ start: bound(i), end: bound(i + 1) }));
}

const isEmpty = ({ start, end }: Part): boolean => start === end;

export class Segment {
  readonly #options: SegmentOptions;
  readonly #stages: readonly Stage[];
  /** What each stage made of the segment, in the order of stages. */
  readonly #parts: Part[][] = [];
  readonly #scratch: Uint8Array[] = [];
  #nodes: readonly NodeValue[];
  /** What `#nodes` are the values of. */
  #held: Part;

  constructor(options: SegmentOptions) {
    const { channel, stages, nodes, units } = options;
    this.#options = options;
    this.#stages = stages.filter(({ members }) => members.includes(channel.rank));
    this.#nodes = nodes;
    this.#held = { start: 0, end: units };
  }

  /** This rank ends with the reduced values of the part that it owns, if it owns one. */
  async reduce(): Promise<void> {
    for (const stage of this.#stages) await this.#meet(stage);
    this.#settle();
    for (const bytes of this.#scratch.splice(0)) this.#options.channel.release(bytes);
  }

  /** Everybody ends with all of the result. */
  async gather(): Promise<void> {
    for (let i = this.#stages.length - 1; i >= 0; i--)
      if (!this.#stages[i]!.replicated) await this.#share(this.#stages[i]!, this.#parts[i]!);
  }

  async #meet(stage: Stage): Promise<void> {
    const { channel, split = splitEvenly } = this.#options;
    const parts = stage.replicated ? stage.owners.map(() => this.#held) : split(this.#held, stage.owners.length);
    this.#parts.push(parts);
    const mine = parts[stage.owners.indexOf(channel.rank)] ?? { start: 0, end: 0 };
    const values = isEmpty(mine) ? [] : stage.members.map((member, i) => this.#valuesOf(member, stage.nodes[i]!, mine));
    await Promise.all([
      ...stage.owners.flatMap((owner, i) => this.#sendNodes(owner, parts[i]!)),
      ...stage.members.flatMap((member, i) =>
        member === channel.rank ? [] : (values[i] ?? []).map(({ data }) => channel.recv(member, data)),
      ),
    ]);
    this.#nodes = this.#merge(values.flat(), mine);
    this.#held = mine;
  }

  #sendNodes(owner: number, part: Part): Promise<void>[] {
    const { channel } = this.#options;
    if (owner === channel.rank || isEmpty(part)) return [];
    return this.#nodes.map((node) => channel.send(owner, this.#cut(node.data, part)));
  }

  /** The values of a member's nodes over a part: this rank's own, or scratch to receive them into. */
  #valuesOf(member: number, ranges: Stage['nodes'][number], part: Part): NodeValue[] {
    if (member === this.#options.channel.rank)
      return this.#nodes.map((node) => ({ ...node, data: this.#cut(node.data, part) }));
    return ranges.map((range) => ({ ...range, data: this.#allocate(part), scratch: true }));
  }

  #merge(values: readonly NodeValue[], part: Part): NodeValue[] {
    const { encoding, shards } = this.#options;
    return mergeNodes(values, { shards, encoding, out: this.#options.out(part), allocate: () => this.#allocate(part) });
  }

  /** Where nothing was added (one rank, one node) the value still has to get into `out`. */
  #settle(): void {
    const { shards } = this.#options;
    const [root] = this.#nodes;
    const out = this.#options.out(this.#held);
    const isThere = root?.data.buffer === out.buffer && root.data.byteOffset === out.byteOffset;
    if (root && root.hi - root.lo === shards && !isThere) out.set(root.data);
  }

  async #share(stage: Stage, parts: readonly Part[]): Promise<void> {
    const { channel } = this.#options;
    const others = stage.members.filter((member) => member !== channel.rank);
    await Promise.all(
      stage.owners.flatMap((owner, i) => {
        if (isEmpty(parts[i]!)) return [];
        const bytes = this.#options.out(parts[i]!);
        return owner === channel.rank
          ? others.map((other) => channel.send(other, bytes))
          : [channel.recv(owner, bytes)];
      }),
    );
  }

  #allocate({ start, end }: Part): Uint8Array {
    const bytes = this.#options.channel.allocate((end - start) * this.#options.encoding.bytes);
    this.#scratch.push(bytes);
    return bytes;
  }

  /** The bytes of a part out of a node's value over `#held`. */
  #cut(data: Uint8Array, { start, end }: Part): Uint8Array {
    const { bytes } = this.#options.encoding;
    return data.subarray((start - this.#held.start) * bytes, (end - this.#held.start) * bytes);
  }
}
