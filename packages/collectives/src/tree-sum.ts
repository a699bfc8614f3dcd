// Adds nodes of the shard tree along the tree. It neither sends nor receives, and never writes to a caller's node.

import { add } from './add.ts';
import type { ShardRange } from './shard-tree.ts';

/** The sum over a node's shards. */
export interface NodeSum extends ShardRange {
  readonly data: Float32Array;
  /** Whether `data` may be overwritten. */
  readonly scratch: boolean;
}

/**
 * out = the sum of `nodes`, which cover the whole tree from left to right. `out` may be the data of any of them: it is
 * written last. `allocate` gives scratch of a length, where two of the caller's own nodes meet.
 */
export function treeSum(
  nodes: readonly NodeSum[],
  out: Float32Array,
  allocate: (length: number) => Float32Array,
): void {
  const shards = nodes.at(-1)!.hi;
  let next = 0;

  const combine = (left: NodeSum, right: NodeSum): NodeSum => {
    const isRoot = right.hi - left.lo === shards;
    const data = isRoot ? out : ([left, right].find((node) => node.scratch)?.data ?? allocate(out.length));
    add(data, left.data, right.data);
    return { lo: left.lo, hi: right.hi, data, scratch: true };
  };
  const sum = (lo: number, hi: number): NodeSum => {
    const node = nodes[next]!;
    if (node.lo === lo && node.hi === hi) return nodes[next++]!;
    const middle = (lo + hi) / 2;
    const left = sum(lo, middle);
    return combine(left, sum(middle, hi));
  };

  const { data } = sum(0, shards);
  if (data !== out) out.set(data);
}
