// The canonical sum over shards, on the device. The CPU's twin adds what workers exchange.
import { treeSum as kernel } from '@lockstep/kernels';
import type { Device } from './device.ts';
import type { Tensor } from './tensor.ts';

/** y = x[0] + x[1] + … along the fixed binary tree over the first axis, whose length is a power of two. */
export function treeSum(device: Device, x: Tensor /* (shards, …) */, y: Tensor /* (…) */): void {
  device.run(kernel, { x, y }, { size: y.size, shards: x.size / y.size }, device.grid(y.size / kernel.constants.lanes));
}
