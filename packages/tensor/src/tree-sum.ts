// The canonical sum over shards, on the device. The CPU's twin adds what workers exchange.
import { treeSum as kernel } from '@lockstep/kernels';
import type { Device } from './device.ts';
import { roundsGrid } from './rounds.ts';
import type { Tensor } from './tensor.ts';

/** The most leaves that are folded in one pass. */
const mostLeaves = 8;

/** y = x[0] + x[1] + … along the fixed binary tree over the first axis, whose length is a power of two. */
export function treeSum(device: Device, x: Tensor /* (shards, …) */, y: Tensor /* (…) */): void {
  const shards = x.size / y.size;
  if (shards <= mostLeaves) return fold(device, x, y, { leaves: shards, inner: y.size });
  const subtrees = device.empty([shards / mostLeaves, y.size]);
  fold(device, x, subtrees, { leaves: mostLeaves, inner: y.size });
  treeSum(device, subtrees, y);
  device.release(subtrees);
}

function fold(device: Device, x: Tensor, y: Tensor, { leaves, inner }: { leaves: number; inner: number }): void {
  device.run(kernel, { x, y }, { size: y.size, inner }, roundsGrid(device, kernel, y.size), { leaves });
}
