// Brings together nodes of the shard tree, along the tree. It neither sends nor receives, and never writes to a caller's
// node.

import type { Encoding } from './arithmetic/encoding.ts';
import { middleOf, type ShardRange } from './shard-tree.ts';

/** The value of a node, in the bytes that travel. */
export interface NodeValue extends ShardRange {
  readonly data: Uint8Array;
  /** Whether `data` may be overwritten. */
  readonly scratch: boolean;
}

export interface MergeOptions {
  readonly shards: number;
  readonly encoding: Encoding;
  /** Gets the value of the whole tree. It may be the data of any node: it is written last. */
  readonly out: Uint8Array;
  /** Scratch of as many bytes as `out` has, for where two of the caller's own nodes meet. */
  readonly allocate: () => Uint8Array;
}

/** The fewest nodes that follow from `nodes`, which cover a contiguous range from left to right. */
export function mergeNodes(
  nodes: readonly NodeValue[],
  { shards, encoding, out, allocate }: MergeOptions,
): NodeValue[] {
  let next = 0;

  const combine = (left: NodeValue, right: NodeValue): NodeValue => {
    const isRoot = left.lo === 0 && right.hi === shards;
    const data = isRoot ? out : ([left, right].find((node) => node.scratch)?.data ?? allocate());
    encoding.combine(data, left.data, right.data);
    return { lo: left.lo, hi: right.hi, data, scratch: true };
  };
  const merge = ({ lo, hi }: ShardRange): NodeValue[] => {
    const node = nodes[next];
    if (!node || node.lo >= hi) return []; // covered by nobody here
    if (node.lo === lo && node.hi === hi) return [nodes[next++]!];
    const middle = middleOf({ lo, hi });
    const left = merge({ lo, hi: middle });
    const right = merge({ lo: middle, hi });
    const isWhole = left[0]?.lo === lo && left[0].hi === middle && right[0]?.lo === middle && right[0].hi === hi;
    return isWhole ? [combine(left[0]!, right[0]!)] : [...left, ...right];
  };

  return merge({ lo: 0, hi: shards });
}
