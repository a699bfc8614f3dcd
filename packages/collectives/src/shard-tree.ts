// The fixed binary tree over the shard index, from which every sum takes its order:
// ((0+1)+(2+3))+((4+5)+(6+7)). Here is only which ranges and nodes there are; `tree-sum.ts` adds.

/** The shards lo … hi − 1. */
export interface ShardRange {
  readonly lo: number;
  readonly hi: number;
}

/**
 * The contiguous shards that `rank` of `size` workers holds. Ranges differ by at most one shard, nobody is without
 * while size ≤ shards, and for a power-of-two `size` each range is one aligned subtree.
 */
export function shardRange(rank: number, size: number, shards: number): ShardRange {
  return { lo: Math.floor((rank * shards) / size), hi: Math.floor(((rank + 1) * shards) / size) };
}

/**
 * The fewest nodes of the tree that cover shards lo … hi − 1, from left to right. With `limit`, no node covers more
 * than that many shards.
 */
export function nodesOf(lo: number, hi: number, limit: number = Infinity): ShardRange[] {
  const nodes: ShardRange[] = [];
  for (let at = lo; at < hi; at = nodes.at(-1)!.hi) {
    let width = 1;
    while (at % (2 * width) === 0 && at + 2 * width <= hi && 2 * width <= limit) width *= 2;
    nodes.push({ lo: at, hi: at + width });
  }
  return nodes;
}
