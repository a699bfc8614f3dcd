// The norm of all gradients at once, for clipping and for the log. Added up in an order that depends on nothing but the
// number of elements, so every worker that holds the same gradients finds the same bits.
import { rootOfSum, sumSquares } from '@lockstep/kernels';
import type { Device } from './device.ts';
import { pieces } from './pieces.ts';
import { rowTeams } from './row-teams.ts';
import type { Tensor } from './tensor.ts';

/** Chunks are added up by themselves first; there are at most this many. */
const mostChunks = 1024;
/** Elements between places at which a tensor may be bound. */
const alignment = 64;

/** y = √(Σ x²). The size of `x` is a multiple of four, or zeros follow it. */
export function euclideanNorm(device: Device, x: Tensor, y: Tensor /* (1) */): void {
  const chunk = Math.ceil(x.size / mostChunks / alignment) * alignment;
  const sums = device.empty([Math.ceil(x.size / chunk)]);
  for (const { start, size } of pieces(device, x.size, chunk * alignment)) {
    const chunks = Math.ceil(size / chunk);
    const { workgroups, constants } = rowTeams(device, chunks, chunk / 4);
    const part = { x: device.view(x, start, [size]), y: device.view(sums, start / chunk, [chunks]) };
    device.run(sumSquares, part, { size, chunk, chunks }, workgroups, constants);
  }
  const { constants } = rowTeams(device, 1, mostChunks);
  device.run(rootOfSum, { x: sums, y }, { size: sums.size }, [1, 1, 1], constants);
  device.release(sums);
}
