// Forward and backward over some shards at once, recorded: the most that a worker computes side by side.
import {
  blockSize,
  ConfigError,
  type ForwardInputs,
  lossTerms,
  type LossValue,
  type Model,
  type Parameters,
  ofEachShard,
  sharesOf,
  type Term,
} from '@lockstep/nn';
import {
  add,
  concat,
  type Device,
  differentiate,
  type Parameter,
  Random,
  reshape,
  stack,
  type Tensor,
  treeSum,
  type WireFormat,
} from '@lockstep/tensor';
import { type BatchShape, type InputSpecs, positionsOf, rowsPerShard } from './batch.ts';
import { namedTerms, type TermPlace, termSums } from './term-sums.ts';

/** What a pass computes with. */
export interface Learner {
  readonly device: Device;
  readonly model: Model;
  readonly parameters: Parameters;
  readonly loss: LossValue;
  /** Sums of the weights of the whole batch, of each part of the loss that has weights. */
  readonly totals: Tensor; // (mostTotals)
}

/** Parts of a loss that may have weights. */
export const mostTotals = 64;

/** Places among the extras that travel with the gradients: the loss, the metrics' numbers behind it, and last whether to stop. */
export const extra: Readonly<Record<'loss' | 'metrics' | 'end' | 'stop', number>> = {
  loss: 0,
  metrics: 1,
  end: blockSize - 2,
  stop: blockSize - 1,
};

/** What a pass reads. */
export interface PassInputs {
  readonly shards: number;
  /** By name, what the host writes for every batch. */
  readonly data: Readonly<Record<string, Tensor>>; // (rows, …) of each shard
  /** Places of tokens, where there are tokens. */
  readonly positions: Tensor | undefined; // (rows, T) of each shard, u32
  /** Seed (two words), step, and first shard. */
  readonly counters: Tensor; // (4), u32
}

/** Memory for the inputs of `shards` shards. */
export function passInputs(device: Device, shape: BatchShape, shards: number): PassInputs {
  const rows = rowsPerShard(shape);
  const data = Object.fromEntries(
    Object.entries(shape.inputs).map(([name, spec]) => [name, device.empty([rows, ...spec.shape], spec.dtype, shards)]),
  );
  return {
    shards,
    data,
    positions: positionsFor(device, shape.inputs, { rows, shards }),
    counters: device.empty([4], 'u32'),
  };
}

function positionsFor(
  device: Device,
  { tokens, positions }: InputSpecs,
  { rows, shards }: { rows: number; shards: number },
): Tensor | undefined {
  const [context] = tokens?.shape ?? [];
  if (context === undefined || positions) return undefined;
  return device.tensor(positionsOf(shards * rows, context), [rows, context], { shards });
}

export interface PassOptions {
  readonly shape: BatchShape;
  readonly wire: WireFormat;
}

/** What a recorded pass tells of its loss. */
export interface PassNotes {
  /** Parts of the loss that have weights. */
  readonly totals: number;
  /** Where the metrics' numbers are, counted from {@link extra}.metrics. */
  readonly metrics: readonly TermPlace[];
}

/**
 * Dispatches the gradient of the pass's part of the loss into the parameters' gradients, and that part and the metrics among the extras.
 * @throws {ConfigError} for a loss that does not reach a parameter.
 */
export function dispatchGradient(learner: Learner, inputs: PassInputs, { shape, wire }: PassOptions): PassNotes {
  const { device, parameters } = learner;
  const reached = new Set<string>();
  const onGradient = (parameter: Parameter): void => {
    reached.add(parameter.name);
    device.mark(parameter.name);
  };
  let notes: PassNotes | undefined;
  const forward = (): Tensor => {
    const terms = lossTerms({ ...learner, facts: learner.model.facts }, forwardInputs(inputs, true));
    const shares = sharesOf(terms.loss, { shards: shape.shards, totals: learner.totals });
    const loss = ofEachShard(
      shares.reduce((sum, share) => add(sum, share)),
      inputs.shards,
    );
    const metrics = device.recordingOn(undefined, () => sumNumbers(learner, loss, [...terms.metrics], shape));
    notes = { totals: terms.loss.filter(({ weight }) => weight).length, metrics };
    return loss;
  };
  differentiate(device, forward, { wire, onGradient });
  requireReached(parameters, reached);
  return notes!;
}

/** Sums the loss and its metrics over the pass's shards, into the extras. */
function sumNumbers(
  { device, parameters }: Learner,
  loss: Tensor,
  metrics: readonly [string, Term][],
  { shards }: BatchShape,
): readonly TermPlace[] {
  const room = extra.end - extra.metrics;
  const { places, numbers } = termSums(metrics, { shards, perPass: loss.shards!, room });
  const row = numbers ? concat([reshape(loss, [1]), numbers]) : reshape(loss, [1]);
  treeSum(device, row, device.view(parameters.extras, extra.loss, row.shape));
  return places;
}

function requireReached({ learned }: Parameters, reached: ReadonlySet<string>): void {
  const missed = learned.filter(({ name }) => !reached.has(name));
  if (missed.length === 0) return;
  const more = missed.length > 1 ? ` and ${missed.length - 1} more` : '';
  throw new ConfigError(
    `loss: expected one that every parameter has a part in, got one that does not reach ${missed[0]!.name}${more}\nhint: frozen: true keeps a parameter as it is`,
  );
}

/** Dispatches the sums of the weights of the parts of the loss into `sums`, in their order: a small part of the forward pass. */
export function dispatchTotals(learner: Learner, inputs: PassInputs, sums: Tensor): void {
  const { device } = learner;
  device.scope(() => {
    const { loss } = lossTerms({ ...learner, facts: learner.model.facts }, forwardInputs(inputs, true));
    const weights = loss.flatMap(({ weight }) => (weight ? [ofEachShard(weight, inputs.shards)] : []));
    treeSum(device, stack(weights), device.view(sums, 0, [weights.length]));
  });
}

/** Dispatches the sums of all terms, without dropout, into the first of `sums`. Returns where they are. */
export function dispatchEvaluation(
  learner: Learner,
  inputs: PassInputs,
  { shape, sums }: { shape: BatchShape; sums: Tensor },
): readonly TermPlace[] {
  const { device } = learner;
  return device.scope(() => {
    const terms = lossTerms({ ...learner, facts: learner.model.facts }, forwardInputs(inputs, false));
    const options = { shards: shape.shards, perPass: inputs.shards, room: sums.size };
    const { places, numbers } = termSums(namedTerms(terms), options);
    treeSum(device, numbers!, device.view(sums, 0, numbers!.shape));
    return places;
  });
}

/** What models and losses see. */
export function forwardInputs({ data, positions, counters, shards }: PassInputs, isTraining: boolean): ForwardInputs {
  const random = new Random({ counters, shards, isTraining });
  return { ...data, ...(positions && { positions }), random } as unknown as ForwardInputs;
}
