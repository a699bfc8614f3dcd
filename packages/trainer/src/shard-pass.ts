// Forward and backward over some shards at once, recorded: the most that a worker computes side by side.
import { languageModelLoss, type Model, type Parameters } from '@lockstep/nn';
import { type Device, differentiate, type Parameter, type Tensor, treeSum, type WireFormat } from '@lockstep/tensor';
import { type BatchShape, positionsOf, sequencesPerShard, tokensPerStep } from './batch.ts';

/** What a pass computes with. */
export interface Learner {
  readonly device: Device;
  readonly model: Model;
  readonly parameters: Parameters;
}

/** What a pass reads: of each of its shards, but for the counters. */
export interface PassInputs {
  readonly tokens: Tensor; // (B, T), u32
  readonly targets: Tensor; // (B, T), u32
  readonly positions: Tensor; // (B, T), u32
  /** Seed (two words), step, and first shard. */
  readonly random: Tensor; // (4), u32
}

/** Memory for the inputs of `shards` shards. */
export function passInputs(device: Device, shape: BatchShape, shards: number): PassInputs {
  const grid = [sequencesPerShard(shape), shape.context];
  return {
    tokens: device.empty(grid, 'u32', shards),
    targets: device.empty(grid, 'u32', shards),
    positions: device.tensor(positionsOf(shards * grid[0]!, shape.context), grid, { shards }),
    random: device.empty([4], 'u32'),
  };
}

/** Dispatches the gradient of the pass's part of the loss into the parameters' gradients, and that part among the extras. */
export function dispatchGradient(
  learner: Learner,
  inputs: PassInputs,
  { shape, wire }: { shape: BatchShape; wire: WireFormat },
): void {
  const { device, parameters } = learner;
  const lossSlot = device.view(parameters.extras, 0, [1]);
  const onGradient = (parameter: Parameter): void => device.mark(parameter.name);
  treeSum(
    device,
    differentiate(device, () => lossOf(learner, inputs, shape), { wire, onGradient }),
    lossSlot,
  );
}

/** Dispatches the pass's part of the loss, without dropout, into `sum`. */
export function dispatchLoss(
  learner: Learner,
  { tokens, targets, positions }: PassInputs,
  { shape, sum }: { shape: BatchShape; sum: Tensor },
): void {
  treeSum(learner.device, lossOf(learner, { tokens, targets, positions }, shape), sum);
}

/** Each shard's part of the mean over the whole batch. */
function lossOf(
  { model, parameters }: Learner,
  inputs: Omit<PassInputs, 'random'> & Partial<PassInputs>,
  shape: BatchShape,
): Tensor {
  return languageModelLoss(model, parameters, inputs, { rows: tokensPerStep(shape) });
}
