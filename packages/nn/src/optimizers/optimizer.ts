// What every optimizer is to a trainer, and how one walks over all parameters at once, or over those that it owns.
import { type Device, type Piece, pieces, roundsGrid, type RoundsKernel, type Tensor } from '@lockstep/tensor';
import { blockSize } from '../parameters.ts';

/** What an optimizer works on: flat tensors of one layout, in which each parameter begins at a multiple of 64 elements and zeros fill the gaps. */
export interface OptimizerTensors {
  readonly weights: Tensor /* (P) */;
  /** May go on beyond the weights; what is there is left out. */
  readonly gradients: Tensor /* (≥ P) */;
  /** By what the weight decay is multiplied in each block of 64 elements: 1, or 0 for vectors. */
  readonly decay: Tensor /* (P / 64) */;
  /** The ranges of weights to update and to remember anything about; bounds are multiples of 64. All weights unless given. */
  readonly ranges?: readonly Piece[] | undefined;
}

/** Turns gradients into better weights. The work of a step is recorded once; what changes from step to step is in tensors. */
export interface Optimizer {
  /** What it remembers between steps, by name: of each range, one after another, in the layout of the weights. */
  readonly state: Readonly<Record<string, Tensor>>;
  /** Global norm of the gradients, by which they are clipped: to be filled before an update. */
  readonly norm: Tensor /* (1) */;
  /** Not 0 once an update has written a weight, or something to remember, that is NaN or infinite. */
  readonly unsound: Tensor /* (1), u32 */;
  /** Records the update. */
  dispatch(): void;
  /** Sets what the next update depends on. @param step counts from 1. */
  schedule(step: number, learningRate: number): void;
}

/** What a piece of the parameters is called in a kernel. */
export interface OptimizerPiece {
  readonly size: number;
  readonly workgroups: [x: number, y: number, z: number];
  /** The first of the piece's blocks of 64 elements. */
  readonly block: number;
  /** The piece's part of a tensor in the layout of the weights. */
  readonly part: (whole: Tensor) => Tensor;
  /** The piece's part of the optimizer's state. */
  readonly own: (state: Tensor) => Tensor;
}

/** Where an optimizer works, and how much it remembers. */
export function rangesOf({ weights, ranges = [{ start: 0, size: weights.size }] }: OptimizerTensors): {
  readonly ranges: readonly Piece[];
  readonly size: number;
} {
  return { ranges, size: ranges.reduce((sum, { size }) => sum + size, 0) };
}

/** The ranges in pieces that the adapter can bind, for a kernel whose lanes take four elements. */
export function optimizerPieces(device: Device, ranges: readonly Piece[], kernel: RoundsKernel): OptimizerPiece[] {
  let before = 0;
  return ranges.flatMap((range) => {
    const first = before;
    before += range.size;
    return pieces(device, range.size, blockSize).map(({ start, size }) => ({
      size,
      workgroups: roundsGrid(device, kernel, size / 4),
      block: (range.start + start) / blockSize,
      part: (whole: Tensor) => device.view(whole, range.start + start, [size]),
      own: (state: Tensor) => device.view(state, first + start, [size]),
    }));
  });
}

/** A tensor of zeros. */
export function zeros(device: Device, size: number): Tensor {
  const tensor = device.empty([size]);
  device.fill(tensor, 0);
  return tensor;
}
