// The second half of a step: what makes better weights of the gradients of all workers. Two forms give the same bits.
import type { Group, Trace } from '@lockstep/collectives';
import {
  createOptimizer,
  type Optimizer,
  type OptimizerDescription,
  type Parameters,
  type ParameterSpec,
} from '@lockstep/nn';
import type { Device, Piece, Program, Tensor, WireFormat } from '@lockstep/tensor';

export interface UpdateOptions {
  readonly device: Device;
  readonly group: Group;
  readonly parameters: Parameters;
  readonly optimizer: OptimizerDescription;
  readonly buckets: readonly Piece[];
  readonly wire: WireFormat;
  readonly trace?: Trace | undefined;
}

export interface Update {
  /** The update, then the norm of the gradients and what is not 0 if the update is unsound; where nothing is needed from others. */
  readonly work?: readonly [Program, Tensor, Tensor];
  /** Sets what the next update depends on. @param step counts from 1. */
  schedule(step: number, learningRate: number): void;
  /** Adds a bucket up over all workers, and brings to the device what it needs of the sum. `nodes` may be overwritten. */
  reduce(bucket: Piece, nodes: readonly Float32Array[]): Promise<void>;
  /** Updates the weights when all buckets have been reduced. */
  apply(): Promise<Applied>;
  /** The whole gradient of the last step, summed over all workers, in the layout of the weights. All workers ask for it together. */
  readGradients(): Promise<Float32Array<ArrayBuffer>>;
  /** The optimizer's whole memory by name, in the layout of the weights. All workers ask for it together. */
  readState(): Promise<ReadonlyMap<string, Float32Array<ArrayBuffer>>>;
  /** Takes over such a memory, whose parts `whole` gives by name. */
  writeState(whole: (name: string) => Float32Array): void;
}

export interface Applied {
  /** Norm of the whole gradient, before clipping. */
  readonly norm: number;
  /** Whether all that was written, by any worker, is finite; the same on every worker. */
  readonly sound: boolean;
  /** Milliseconds spent on waiting for other workers. */
  readonly waitMs: number;
}

/** Vectors (gains and biases) do not decay; matrices and embeddings do. */
const decays = ({ shape }: ParameterSpec): number => (shape.length >= 2 ? 1 : 0);

/** The optimizer of a range of the weights, or of all. */
export function optimizerOf({ device, parameters, optimizer }: UpdateOptions, ranges?: readonly Piece[]): Optimizer {
  const { weights, gradients } = parameters;
  const decay = device.tensor(parameters.perBlock(decays));
  return createOptimizer(optimizer, device, { weights, gradients, decay, ranges });
}

/** Overwrites part of a tensor, and tells the trace. */
export function upload(
  { device, trace }: UpdateOptions,
  whole: Tensor,
  { start, size }: Piece,
  data: Float32Array,
): void {
  const began = performance.now();
  device.upload(device.view(whole, start, [size]), data);
  trace?.({ category: 'upload', name: 'upload', start: began, end: performance.now(), args: { bytes: 4 * size } });
}
