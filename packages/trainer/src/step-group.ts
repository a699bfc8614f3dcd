// STAND-IN: what a step asks of a group that `Group` does not have yet: wire formats, reduce-scatter and slices with a grain.
// Slow and plain. To be deleted, with its two uses in replica.ts and sharded-update.ts, when `Group` has them.
import { addInto, type Group, nodesOf, shardRange, type ShardRange } from '@lockstep/collectives';
import type { WireFormat } from '@lockstep/tensor';

type Elements = Float32Array | Uint8Array;

export interface StepGroup {
  readonly rank: number;
  readonly size: number;
  readonly nodes: readonly ShardRange[];
  allocate(length: number): Float32Array;
  allReduce(nodes: readonly Float32Array[], out: Float32Array, options?: { wire?: WireFormat }): Promise<void>;
  reduceScatter(
    nodes: readonly Float32Array[],
    out: Float32Array,
    options?: { wire?: WireFormat; grain?: number },
  ): Promise<void>;
  allGather<T extends Elements>(mine: T, out: T, options?: { grain?: number }): Promise<void>;
}

export function sliceOf<T extends Elements>(data: T, rank: number, size: number, grain = 1): T {
  const units = Math.ceil(data.length / grain);
  const bound = (r: number): number => Math.min(data.length, Math.floor((units * r) / size) * grain);
  return data.subarray(bound(rank), bound(rank + 1)) as T;
}

export function stepGroup(group: Group): StepGroup {
  const { rank, size, nodes } = group;
  const shards = group.nodes.at(-1)!.hi === 0 ? 1 : shardsOf(group);
  const plan = Array.from({ length: size }, (_, r) => shardRange(r, size, shards)).map(({ lo, hi }) => nodesOf(lo, hi));
  const ranks = Array.from({ length: size }, (_, r) => r);
  const allReduce: StepGroup['allReduce'] = async (mine, out, { wire = 'f32' } = {}) => {
    if (wire === 'f32') return group.allReduce(mine, out);
    const all = plan.map((ranges, r) =>
      ranges.map((_, i) => (r === rank ? mine[i]!.slice() : new Float32Array(out.length))),
    );
    await Promise.all(all.flatMap((arrays, root) => arrays.map((array) => group.broadcast(array, { root }))));
    out.set(sum(plan.flat(), all.flat(), [0, shards], wire));
  };
  return {
    rank,
    size,
    nodes,
    allocate: (length) => new Float32Array(length),
    allReduce,
    async reduceScatter(mine, out, { wire = 'f32', grain = 1 } = {}) {
      const whole = new Float32Array(mine[0]!.length);
      await allReduce(mine, whole, { wire });
      out.set(sliceOf(whole, rank, size, grain));
    },
    async allGather(mine, out, { grain = 1 } = {}) {
      sliceOf(out, rank, size, grain).set(mine);
      await Promise.all(ranks.map((root) => group.broadcast(sliceOf(out, root, size, grain), { root })));
    },
  };
}

/** The number of shards for which this rank's nodes are what they are. */
function shardsOf({ rank, size, nodes }: Group): number {
  for (let shards = 1; ; shards *= 2) {
    if (shards < size) continue;
    const { lo, hi } = shardRange(rank, size, shards);
    if (lo === nodes[0]!.lo && hi === nodes.at(-1)!.hi) return shards;
  }
}

function sum(ranges: ShardRange[], data: Float32Array[], [lo, hi]: [number, number], wire: WireFormat): Float32Array {
  const at = ranges.findIndex((range) => range.lo === lo && range.hi === hi);
  if (at >= 0) return data[at]!;
  const left = sum(ranges, data, [lo, (lo + hi) / 2], wire);
  addInto(left, sum(ranges, data, [(lo + hi) / 2, hi], wire));
  round(left, wire);
  return left;
}

function round(values: Float32Array, wire: WireFormat): void {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  if (wire === 'bf16')
    for (let i = 0; i < bits.length; i++) {
      if ((bits[i]! & 0x7fffffff) <= 0x7f800000) bits[i] = (bits[i]! + 0x7fff + ((bits[i]! >>> 16) & 1)) & 0xffff0000;
    }
  else if (wire === 'int8')
    for (let start = 0; start < values.length; start += 32) roundBlock(values.subarray(start, start + 32));
}

function roundBlock(block: Float32Array): void {
  const largest = block.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  if (largest === 0) return;
  let e = Math.max(-126, Math.floor(Math.log2(largest)) - 8);
  while (largest > 127 * 2 ** e) e++;
  for (let i = 0; i < block.length; i++) {
    const x = block[i]! * 2 ** -e;
    const down = Math.floor(x);
    const q = x - down > 0.5 || (x - down === 0.5 && down % 2 !== 0) ? down + 1 : down;
    block[i] = Number.isFinite(largest) ? q * 2 ** e + 0 : Number.NaN;
  }
}
