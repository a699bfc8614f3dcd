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
 * Where the tree over lo … hi − 1 is cut in two: the left half is the largest full subtree that leaves something for
 * the right one. So there is a tree for every number of shards, and more shards on the right change nothing on the left.
 */
export function middleOf({ lo, hi }: ShardRange): number {
  return lo + 2 ** Math.ceil(Math.log2(hi - lo) - 1);
}

/**
 * The fewest nodes of the tree over `shards` shards that cover `range`, from left to right. With `limit`, no node covers
 * more than that many shards.
 */
export function nodesOf(range: ShardRange, shards: number, limit: number = Infinity): ShardRange[] {
  const cover = (node: ShardRange): ShardRange[] => {
    if (node.hi <= range.lo || node.lo >= range.hi) return [];
    const isInside = node.lo >= range.lo && node.hi <= range.hi;
    if (isInside && node.hi - node.lo <= limit) return [node];
    const middle = middleOf(node);
    return [...cover({ lo: node.lo, hi: middle }), ...cover({ lo: middle, hi: node.hi })];
  };
  return cover({ lo: 0, hi: shards });
}
