// The first half of an all-reduce: each rank ends with the canonical sum of the slice it owns. Direct: one hop, every
// rank sends its nodes of a slice to the slice's owner, who adds them along the tree.

import { type Call, sliceOf } from './call.ts';
import type { ShardRange } from './shard-tree.ts';
import { type NodeSum, treeSum } from './tree-sum.ts';

export interface ReduceScatterOptions {
  /** The nodes that each rank holds, by rank. */
  readonly plan: readonly (readonly ShardRange[])[];
  /** The sums of this rank's nodes, in the plan's order. */
  readonly nodes: readonly Float32Array[];
  /** Whole length; only this rank's slice is written. May be one of `nodes`. */
  readonly out: Float32Array;
}

/** With a power-of-two number of ranks each holds one node, and sends (size − 1)/size of it: no byte too many. */
export async function reduceScatter(call: Call, { plan, nodes, out }: ReduceScatterOptions): Promise<void> {
  const { rank, size } = call;
  const mine = sliceOf(out, rank, size);
  const sums = plan.map((ranges, owner) =>
    ranges.map((range, i): NodeSum => {
      const data = owner === rank ? sliceOf(nodes[i]!, rank, size) : call.allocate(mine.length);
      return { ...range, data, scratch: owner !== rank };
    }),
  );
  await Promise.all([
    ...call.peers.flatMap((peer) => nodes.map((node) => call.send(peer, sliceOf(node, peer, size)))),
    ...call.peers.flatMap((peer) => sums[peer]!.map((sum) => call.recv(peer, sum.data))),
  ]);
  treeSum(sums.flat(), mine, (length) => call.allocate(length));
}
