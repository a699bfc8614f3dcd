// The way back from a sum over an axis.
import { broadcastAxis } from '@lockstep/kernels';
import { type AxisOptions, splitAxis } from './axis.ts';
import type { Device } from './device.ts';
import { roundsGrid } from './rounds.ts';
import type { Tensor } from './tensor.ts';

/** The gradient of `x` from that of its sum over an axis, times `scale`: the same for every element along the axis. */
export function broadcast(device: Device, dy: Tensor, x: Tensor, options: AxisOptions, scale: number): Tensor {
  const dx = device.empty(x.shape);
  const workgroups = roundsGrid(device, broadcastAxis, dx.size);
  device.run(broadcastAxis, { x: dy, y: dx }, { ...splitAxis(x.shape, options), scale }, workgroups);
  return dx;
}
