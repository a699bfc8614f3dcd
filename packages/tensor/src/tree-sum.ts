// The canonical sum over shards, on the device. The CPU's twin adds what workers exchange.
import { treeSum as kernel, treeSumInt8 } from '@lockstep/kernels';
import type { Device } from './device.ts';
import { roundsGrid } from './rounds.ts';
import type { Tensor } from './tensor.ts';

/**
 * How gradients travel, and therefore how every node of the tree is rounded, leaves included: a sum is then the same bits
 * whichever of its nodes have travelled. int8 has a scale per 32 neighbours, a power of two.
 */
export type WireFormat = 'f32' | 'bf16' | 'int8';

/** The most leaves that are folded in one pass. */
const mostLeaves = 8;
/** Elements that share a scale in int8. */
const int8Block = 32;

interface Fold {
  readonly leaves: number;
  readonly wire: WireFormat;
}

/** y = x[0] + x[1] + … along the fixed binary tree over the first axis, whose length is a power of two. */
export function treeSum(
  device: Device,
  x: Tensor /* (shards, …) */,
  y: Tensor /* (…) */,
  { wire = 'f32' }: { wire?: WireFormat } = {},
): void {
  const shards = x.size / y.size;
  const inner = y.size;
  if (shards <= mostLeaves) return fold(device, { x, y, inner }, { leaves: shards, wire });
  const subtrees = device.empty([shards / mostLeaves, inner]);
  fold(device, { x, y: subtrees, inner }, { leaves: mostLeaves, wire });
  treeSum(device, subtrees, y, { wire });
  device.release(subtrees);
}

function fold(
  device: Device,
  { x, y, inner }: { x: Tensor /* (outer, leaves, inner) */; y: Tensor /* (outer, inner) */; inner: number },
  { leaves, wire }: Fold,
): void {
  if (wire === 'int8') {
    const blocks = (y.size / inner) * Math.ceil(inner / int8Block);
    const grid = device.grid(blocks / treeSumInt8.constants.lanes);
    return device.run(treeSumInt8, { x, y }, { inner, blocks }, grid, { leaves });
  }
  const constants = { leaves, bf16: wire === 'bf16' ? 1 : 0 };
  device.run(kernel, { x, y }, { size: y.size, inner }, roundsGrid(device, kernel, y.size), constants);
}
