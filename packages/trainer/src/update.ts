// The second half of a step: what makes better weights of the gradients of all workers. Its forms give the same bits.
import type { Group, Trace } from '@lockstep/collectives';
import type { Optimizer, OptimizerValue, Parameters, TensorMap, UpdatePlan, Rates } from '@lockstep/nn';
import { type Device, type Piece, type Program, rootOfSums, type Tensor, type WireFormat } from '@lockstep/tensor';

export interface UpdateOptions {
  readonly device: Device;
  readonly group: Group;
  readonly parameters: Parameters;
  readonly optimizer: OptimizerValue;
  readonly plan: UpdatePlan;
  readonly buckets: readonly Piece[];
  readonly wire: WireFormat;
  readonly trace?: Trace | undefined;
}

/** What all forms of an update do. */
export interface Update {
  /** Bytes that the optimizer remembers here. */
  readonly bytes: number;
  /** Sets what the next update depends on. @param step counts from 1. */
  schedule(step: number, rates: Rates): void;
  /** The whole gradient of the last step, summed over all workers, in the layout of the weights. All workers ask for it together. */
  readGradients(): Promise<Float32Array<ArrayBuffer>>;
  /** The optimizer's whole memory by name, then by parameter. All workers ask for it together. */
  readState(): Promise<Map<string, TensorMap>>;
  /** Takes over such a memory. @throws {CheckpointError} */
  writeState(whole: ReadonlyMap<string, TensorMap>): void;
  /** Forgets all, and begins again from the weights as they are. */
  begin(): void;
  /**
   * Runs `work` with the weights to use in the place of those that are trained, where the optimizer names others, such as an average. All
   * workers do so together.
   */
  using<T>(work: () => Promise<T>): Promise<T>;
}

/** An update that needs nothing from others: the only worker has all gradients. */
export interface LocalUpdate extends Update {
  readonly kind: 'local';
  /** The update, then the norm of the gradients and what is not 0 if the update is unsound. */
  readonly work: readonly [Program, Tensor, Tensor];
}

/** An update of gradients that several workers, or several nodes of one, have parts of. */
export interface SharedUpdate extends Update {
  readonly kind: 'replicated' | 'sharded';
  /** Adds a bucket up over all workers, and brings to the device what it needs of the sum. `nodes` may be overwritten. */
  reduce(bucket: number, nodes: readonly Float32Array[]): Promise<void>;
  /** Updates the weights when all buckets have been reduced. */
  apply(): Promise<Applied>;
}

export interface Applied {
  /** Norm of the whole gradient, before clipping. */
  readonly norm: number;
  /** Whether all that was written, by any worker, is finite; the same on every worker. */
  readonly sound: boolean;
  /** Milliseconds spent on waiting for other workers. */
  readonly waitMs: number;
}

/** Norms of each group's gradient, and of all, from the sums of squares of all chunks. */
export function dispatchNorms(device: Device, sums: Tensor, { plan, norm, norms }: Optimizer): void {
  const { groupSlots } = plan;
  const isOne = groupSlots.length === 1;
  rootOfSums(device, isOne ? device.view(sums, 0, [groupSlots[0]!.size]) : sums, norm);
  if (isOne) return;
  for (const [group, { start, size }] of groupSlots.entries())
    rootOfSums(device, device.view(sums, start, [size]), norms[group]!);
}

/** Memory for the trained weights while others are in their place; none where there are no others. */
export function spareWeights({ device, parameters, plan }: UpdateOptions): Tensor | undefined {
  return plan.hasUse ? device.empty(parameters.weights.shape) : undefined;
}

/** Runs `work` with other weights in the place of those that are trained. */
export async function inPlaceOfWeights<T>(
  { device, parameters: { weights } }: UpdateOptions,
  spare: Tensor | undefined,
  { place, work }: { place: () => void | Promise<void>; work: () => Promise<T> },
): Promise<T> {
  if (!spare) return work();
  device.copy(weights, spare);
  try {
    await place();
    return await work();
  } finally {
    device.copy(spare, weights);
  }
}

/** Overwrites part of a tensor, and tells the trace. */
export function upload(
  { device, trace }: Pick<UpdateOptions, 'device' | 'trace'>,
  whole: Tensor,
  { start, size }: Piece,
  data: Float32Array,
): void {
  const began = performance.now();
  device.upload(device.view(whole, start, [size]), data);
  trace?.({ category: 'upload', name: 'upload', start: began, end: performance.now(), args: { bytes: 4 * size } });
}
