// A gradient of a step that is past: every one is a pure function of run, step and shard, so it can be computed again from a state before
// it, by anybody who has the run.
import { createGroup, memoryBridge } from '@lockstep/collectives';
import type { TensorMap } from '@lockstep/nn';
import { trainingBatch } from './batch-source.ts';
import { createReplica, type Workplace } from './create-replica.ts';
import { ConfigError } from '@lockstep/errors';
import type { Replica } from './replica.ts';
import type { Run } from './run/run.ts';
import { learningRate } from './schedule.ts';

export interface ReplayOptions extends Omit<Workplace, 'group'> {
  /** Which step, counted from 1; it must come after those that `start` has seen. */
  readonly step: number;
  /** Whose gradient; the whole batch's unless given. */
  readonly shard?: number | undefined;
  /** Told of each step that is taken again on the way there. */
  readonly onStep?: (step: { readonly step: number; readonly loss: number }) => void;
}

/** What a shard, or the whole batch, wanted of the weights in a step. */
export interface ReplayedGradient {
  /** Its part of the batch's loss: those of all shards, added along the tree, are the loss of the step. */
  readonly loss: number;
  /** Its part of the gradient, likewise, before it is clipped. By the names of parameters. */
  readonly gradients: TensorMap;
}

/**
 * Computes a gradient of a past step again, on one device: the same bits as when the run was trained on an adapter like it.
 * @throws {ConfigError} for a step or a shard that the run has not, or a step before `start`.
 */
export async function replay(run: Run, options: ReplayOptions): Promise<ReplayedGradient> {
  const { step, shard, onStep, ...workplace } = options;
  requireReplayable(run, options);
  const from = workplace.start?.step ?? 0;
  requireWithin('step', step, { from: from + 1, to: run.steps });
  const group = createGroup(memoryBridge(1).transports[0]!, { shards: run.shards });
  const batches = workplace.dataset.batches(run.model);
  const replica = await createReplica(run, { ...workplace, group }, batches);
  for (let taken = from; taken < step - 1; taken++) {
    const batch = trainingBatch(run, batches, taken);
    const { loss } = await replica.step({ ...keyed(run, taken), batch, stop: false });
    onStep?.({ step: taken + 1, loss });
  }
  const range = shard === undefined ? { lo: 0, hi: run.shards } : { lo: shard, hi: shard + 1 };
  return replica.gradientOf(range, { ...keyed(run, step - 1), batch: trainingBatch(run, batches, step - 1) });
}

/** @throws {ConfigError} for a step or a shard that the run has not. */
export function requireReplayable(
  { steps, shards }: Pick<Run, 'steps' | 'shards'>,
  { step, shard = 0 }: Pick<ReplayOptions, 'step' | 'shard'>,
): void {
  requireWithin('step', step, { from: 1, to: steps });
  requireWithin('shard', shard, { from: 0, to: shards - 1 });
}

function keyed(
  { seed, schedule, steps }: Run,
  step: number,
): Pick<Parameters<Replica['step']>[0], 'step' | 'seed' | 'learningRate'> {
  return { step, seed, learningRate: learningRate(schedule, step, steps) };
}

function requireWithin(what: string, value: number, { from, to }: { from: number; to: number }): void {
  if (value >= from && value <= to) return;
  throw new ConfigError(`replay: expected a ${what} from ${from} to ${to}, got ${value}`);
}
