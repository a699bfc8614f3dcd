// All-reduce and reduce-scatter over the stages of a schedule: cuts the data into segments, a few of which are under way
// at once, so that one is added while the next is on the wire.

import type { Encoding } from '../arithmetic/encoding.ts';
import {
  bytesOf,
  type CallChannel,
  type Channel,
  type Elements,
  maxSegments,
  type Cuts,
  sliceBounds,
} from '../call-channel.ts';
import type { ShardRange } from '../shard-tree.ts';
import { mergeNodes, type NodeValue } from '../tree-sum.ts';
import { type Part, Segment } from './run-stages.ts';
import type { Stage } from './schedule.ts';

/** Segments under way at once: one on the wire either way, one being added, one about to begin. */
const lanes = 4;

export interface Reduction {
  readonly stages: readonly Stage[];
  readonly encoding: Encoding;
  readonly shards: number;
  /** This rank's nodes, and the arrays with their values. */
  readonly ranges: readonly ShardRange[];
  readonly nodes: readonly Elements[];
  /** Bytes of the array per segment. */
  readonly segmentBytes: number;
  /** What the result is divided by. */
  readonly divisor: number;
}

/** out = the reduction over all shards, on every rank. */
export async function allReduce(call: CallChannel, reduction: Reduction, out: Elements): Promise<void> {
  const step = segmentLength(out, reduction);
  const count = Math.ceil(out.length / step);
  await inLanes(count, async (index) => {
    const [start, end] = [index * step, Math.min(out.length, (index + 1) * step)];
    const nodes = reduction.nodes.map((node) => bytesOf(node.subarray(start, end)));
    await reduceSegment(call.channel(index), reduction, nodes, bytesOf(out.subarray(start, end)));
  });
}

/** Elements per segment: whole units, and no more segments than there are tags. */
function segmentLength({ length, BYTES_PER_ELEMENT: bytes }: Elements, { segmentBytes, encoding }: Reduction): number {
  const least = Math.max(segmentBytes / bytes, length / maxSegments, 1);
  return Math.ceil(least / encoding.elements) * encoding.elements;
}

/** Does `work` for 0 … count − 1, the next one whenever one is done. */
async function inLanes(count: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: Math.min(lanes, count) }, lane));
}

async function reduceSegment(
  channel: Channel,
  reduction: Reduction,
  nodes: readonly Uint8Array[],
  out: Uint8Array,
): Promise<void> {
  const { encoding, divisor } = reduction;
  const travelling = new Travelling(channel, reduction, nodes);
  const result = encoding.encode ? travelling.allocate(out) : out;
  travelling.merge(result);
  const segment = new Segment({
    ...reduction,
    channel,
    nodes: travelling.nodes,
    units: result.length / encoding.bytes,
    out: ({ start, end }) => result.subarray(start * encoding.bytes, end * encoding.bytes),
  });
  await segment.reduce();
  await segment.gather();
  encoding.decode?.(out, result, out.length / 4);
  if (divisor !== 1) encoding.divide(out, divisor);
  travelling.release();
}

/** The values of this rank's nodes as they travel: the arrays themselves, or what they are encoded to. */
class Travelling {
  nodes: readonly NodeValue[];
  readonly #channel: Channel;
  readonly #encoding: Encoding;
  readonly #shards: number;
  readonly #scratch: Uint8Array[] = [];

  constructor(channel: Channel, { encoding, ranges, shards }: Reduction, nodes: readonly Uint8Array[]) {
    this.#channel = channel;
    this.#encoding = encoding;
    this.#shards = shards;
    this.nodes = ranges.map((range, i) =>
      encoding.encode
        ? { ...range, data: this.#encode(nodes[i]!), scratch: true }
        : { ...range, data: nodes[i]!, scratch: false },
    );
  }

  /** Brings together what belongs together here already; `out` gets the value of the whole tree, where all of it is here. */
  merge(out: Uint8Array): void {
    const bytes = this.nodes[0]!.data.length;
    const allocate = (): Uint8Array => this.#take(bytes);
    this.nodes = mergeNodes(this.nodes, { shards: this.#shards, encoding: this.#encoding, out, allocate });
  }

  /** Room for as many elements as `array` has, encoded. */
  allocate(array: Uint8Array): Uint8Array {
    const { elements, bytes } = this.#encoding;
    return this.#take(Math.ceil(array.length / 4 / elements) * bytes);
  }

  #take(byteLength: number): Uint8Array {
    const scratch = this.#channel.allocate(byteLength);
    this.#scratch.push(scratch);
    return scratch;
  }

  release(): void {
    for (const bytes of this.#scratch.splice(0)) this.#channel.release(bytes);
  }

  #encode(data: Uint8Array): Uint8Array {
    const out = this.allocate(data);
    this.#encoding.encode!(out, data, data.length / 4);
    return out;
  }
}

/**
 * slice = the reduction over all shards of the slice that this rank owns. Always direct: one hop, and every rank owns
 * its slice in the order of ranks.
 */
export async function reduceScatter(
  call: CallChannel,
  reduction: Reduction,
  slice: Elements,
  cuts: Cuts,
): Promise<void> {
  const { encoding, nodes, divisor, stages } = reduction;
  const whole = nodes[0]!;
  const all = new Travelling(call.channel(), reduction, nodes.map(bytesOf));
  const result = encoding.encode ? all.allocate(bytesOf(slice)) : bytesOf(slice);
  all.merge(result);
  const slices = slicesInUnits(whole.length, { size: call.size, ...cuts, elements: encoding.elements });
  const mine = slices[call.rank]!;
  const longest = Math.max(...slices.map(({ start, end }) => end - start));
  const wanted = segmentLength(whole, reduction) / call.size / encoding.elements;
  // Alone there is nobody to send pieces to.
  const step = stages.length === 0 ? longest : Math.ceil(Math.max(wanted, longest / maxSegments));
  const count = Math.ceil(longest / Math.max(1, step));
  await inLanes(count, async (index) => {
    const segment = new Segment({
      ...reduction,
      channel: call.channel(index),
      nodes: all.nodes,
      units: slices.at(-1)!.end,
      split: () => slices.map((part) => pieceOf(part, index, step)),
      out: ({ start, end }) =>
        result.subarray((start - mine.start) * encoding.bytes, (end - mine.start) * encoding.bytes),
    });
    await segment.reduce();
  });
  encoding.decode?.(bytesOf(slice), result, slice.length);
  if (divisor !== 1) encoding.divide(bytesOf(slice), divisor);
  all.release();
}

function slicesInUnits(length: number, { elements, ...where }: { size: number; elements: number } & Cuts): Part[] {
  return Array.from({ length: where.size }, (_, rank) => {
    const { start, end } = sliceBounds(length, { rank, ...where });
    // The last unit may be short: what begins behind it begins after it.
    return { start: Math.ceil(start / elements), end: Math.ceil(end / elements) };
  });
}

/** The so many-th piece of a part, of `step` units or what is left. */
function pieceOf({ start, end }: Part, index: number, step: number): Part {
  const from = Math.min(end, start + index * step);
  return { start: from, end: Math.min(end, from + step) };
}
