// What every optimizer is to a trainer, and how one walks over all parameters at once.
import { type Device, type Piece, pieces, roundsGrid, type RoundsKernel, type Tensor } from '@lockstep/tensor';
import { blockSize } from '../parameters.ts';

/** What an optimizer works on: flat tensors of one layout, in which each parameter begins at a multiple of 64 elements and zeros fill the gaps. */
export interface OptimizerTensors {
  readonly weights: Tensor /* (P) */;
  /** May go on beyond the weights; what is there is left out. */
  readonly gradients: Tensor /* (≥ P) */;
  /** By what the weight decay is multiplied in each block of 64 elements: 1, or 0 for vectors. */
  readonly decay: Tensor /* (P / 64) */;
}

/** Turns gradients into better weights. The work of a step is recorded once; what changes from step to step is in tensors. */
export interface Optimizer {
  /** What it remembers between steps, by name, in the layout of the weights. */
  readonly state: Readonly<Record<string, Tensor>>;
  /** Global norm of the gradients that were used last, before clipping. */
  readonly norm: Tensor /* (1) */;
  /** Records the norm and the update. */
  dispatch(): void;
  /** Sets what the next update depends on. @param step counts from 1. */
  schedule(step: number, learningRate: number): void;
}

/** What a piece of the parameters is called in a kernel. */
export interface OptimizerPiece {
  readonly size: number;
  readonly workgroups: [x: number, y: number, z: number];
  /** The piece's part of a tensor in the layout of the weights. */
  readonly part: (whole: Tensor) => Tensor;
  /** The piece's part of a tensor with one element per block. */
  readonly blocks: (whole: Tensor) => Tensor;
}

/** The parameters as one piece, or as many as the adapter needs to bind them, for a kernel whose lanes take four elements. */
export function optimizerPieces(device: Device, size: number, kernel: RoundsKernel): OptimizerPiece[] {
  return pieces(device, size, blockSize * blockSize).map((piece: Piece) => ({
    size: piece.size,
    workgroups: roundsGrid(device, kernel, piece.size / 4),
    part: (whole) => device.view(whole, piece.start, [piece.size]),
    blocks: (whole) => device.view(whole, piece.start / blockSize, [piece.size / blockSize]),
  }));
}

/** A tensor of zeros. */
export function zeros(device: Device, size: number): Tensor {
  const tensor = device.empty([size]);
  device.fill(tensor, 0);
  return tensor;
}
