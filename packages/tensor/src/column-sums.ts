// Sums over an axis in an order that depends on nothing but the axis' length and what follows it: weight gradients,
// losses and the `sum` and `mean` ops. Long axes are cut into chunks, whose sums are added in a second pass.
import { sumAxis as kernel } from '@lockstep/kernels';
import type { Device } from './device.ts';
import { rowTeams } from './row-teams.ts';
import type { Tensor } from './tensor.ts';

/** Length of the chunks into which an axis is cut: at least 64, and so many that a second pass is no longer than the first. */
export function chunkLength(length: number): number {
  return Math.max(64, Math.ceil(Math.sqrt(length)));
}

/** y = the sums over `rows`, times `scale`. Each shard's sums have the same bits whatever the number of shards. */
export function columnSums(
  device: Device,
  x: Tensor /* (shards, rows, C) */,
  y: Tensor /* (shards, C) */,
  scale = 1,
): void {
  const [outer = 1, length = 1, inner = 1] = x.shape;
  sumAxis(device, x, y, { outer, length, inner, scale });
}

/** (shards, C) from the sums over each shard's chunks, whose memory it takes. */
export function addChunks(device: Device, sums: Tensor /* (shards · chunks, C) */, shards: number): Tensor {
  const [chunks, columns] = [sums.shape[0]! / shards, sums.shape[1]!];
  if (chunks === 1) return sums;
  const y = device.empty([shards, columns]);
  sumAxis(device, sums, y, { outer: shards, length: chunks, inner: columns, scale: 1 });
  device.release(sums);
  return y;
}

/** Sums over any axis, times `scale`: `outer` and `inner` are the sizes of what comes before and after it. */
export function sumAxis(
  device: Device,
  x: Tensor /* (outer, length, inner) */,
  y: Tensor /* (outer, inner) */,
  { outer, length, inner, scale }: { outer: number; length: number; inner: number; scale: number },
): void {
  const chunk = chunkLength(length);
  const chunks = Math.ceil(length / chunk);
  if (chunks === 1) return pass(device, x, y, { outer, length, inner, chunk, chunks, scale });
  const sums = device.empty([outer, chunks, inner]);
  pass(device, x, sums, { outer, length, inner, chunk, chunks, scale: 1 });
  pass(device, sums, y, { outer, length: chunks, inner, chunk: chunks, chunks: 1, scale });
  device.release(sums);
}

function pass(
  device: Device,
  x: Tensor,
  y: Tensor,
  params: { outer: number; length: number; inner: number; chunk: number; chunks: number; scale: number },
): void {
  const outputs = params.outer * params.chunks * params.inner;
  // Lanes that hold neighbouring columns read well together; only along the last axis does a team serve better.
  const { workgroups, constants } =
    params.inner === 1
      ? rowTeams(device, outputs, params.chunk)
      : { workgroups: device.grid(outputs / 32), constants: { lanes: 32, team: 1 } };
  device.run(kernel, { x, y }, params, workgroups, constants);
}
