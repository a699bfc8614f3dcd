// The norm of all gradients at once, for clipping and for the log. Added up in an order that depends on nothing but the
// number of elements, so every worker that holds the same gradients finds the same bits, and workers that hold some chunks
// each find them together.
import { rootOfSum, sumSquares } from '@lockstep/kernels';
import type { Dispatcher } from '../device/dispatcher.ts';
import { pieces } from '../device/pieces.ts';
import { rowTeams } from '../device/row-teams.ts';
import type { Tensor } from '../tensor.ts';

/** Chunks are added up by themselves first; there are at most this many. */
const mostChunks = 1024;
/** Elements between places at which a tensor may be bound. */
const alignment = 64;

/** Elements of a chunk of a norm over `size` elements: a multiple of 64. */
export function normChunk(size: number): number {
  return Math.ceil(size / mostChunks / alignment) * alignment;
}

/** y = √(Σ x²). The size of `x` is a multiple of four, or zeros follow it. */
export function euclideanNorm(device: Dispatcher, x: Tensor, y: Tensor /* (1) */): void {
  const chunk = normChunk(x.size);
  const sums = device.empty([Math.ceil(x.size / chunk)]);
  chunkSquares(device, x, sums, { chunk });
  rootOfSums(device, sums, y);
  device.release(sums);
}

/** sums[k] = Σ x² over chunk k: the first half of a norm, or of a part of it that begins with a chunk. */
export function chunkSquares(
  device: Dispatcher,
  x: Tensor,
  sums: Tensor /* (⌈size / chunk⌉) */,
  { chunk }: { chunk: number },
): void {
  for (const { start, size } of pieces(device, x.size, chunk * alignment, [x])) {
    const chunks = Math.ceil(size / chunk);
    const { workgroups, constants } = rowTeams(device, chunks, chunk / 4);
    const part = { x: device.view(x, start, [size]), y: device.view(sums, start / chunk, [chunks]) };
    device.run(sumSquares, part, { size, chunk, chunks }, workgroups, constants, { flops: 2 * size });
  }
}

/** y = √(Σ sums), from the sums of all chunks: the second half of a norm. */
export function rootOfSums(device: Dispatcher, sums: Tensor /* (chunks) */, y: Tensor /* (1) */): void {
  const { constants } = rowTeams(device, 1, mostChunks);
  device.run(rootOfSum, { x: sums, y }, { size: sums.size }, [1, 1, 1], constants);
}
