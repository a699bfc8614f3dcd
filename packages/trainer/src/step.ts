// What a step of training takes and gives, and what a validation does.
import type { ShardRange } from '@lockstep/collectives';
import type { Rates } from '@lockstep/nn';
import type { BatchArrays } from './batch.ts';

/** What a step gave, the same on every worker, and where its time went on this one. */
export interface StepResult {
  /** Over the global batch, before the update; of a language model in nats per token. */
  readonly loss: number;
  /** What the loss gives beside it, by name. */
  readonly metrics: Readonly<Record<string, number>>;
  /** Whether a part of the loss had nothing that counts: no row of the batch had a weight. */
  readonly isEmpty: boolean;
  /** Norm of the whole gradient, before clipping. */
  readonly gradNorm: number;
  /** Whether any worker asked to stop after this step. */
  readonly stop: boolean;
  /** Whether any worker said that this is to be the run's last step. */
  readonly end: boolean;
  /** Until the last gradient had been read back; all of the step where nothing has to be. */
  readonly computeMs: number;
  /** What was waited for other workers after that: the communication that nothing hid. */
  readonly waitMs: number;
  /** The rest: the norm, the update, and what is read back of it. */
  readonly updateMs: number;
}

/** Gives the rows of a range of shards. */
export type BatchSource = (shards: ShardRange) => BatchArrays;

/** What a step is taken with. */
export interface StepOptions {
  /** Steps taken before this one. */
  readonly step: number;
  readonly seed: number;
  readonly learningRate: Rates;
  readonly batch: BatchSource;
  /** Whether this worker wants the run to stop after the step, to be gone on with later; the answer is everybody's. */
  readonly stop: boolean;
  /** Whether this worker wants the step to be the run's last one; the answer is everybody's. */
  readonly end?: boolean;
}

/** What a validation gave: means over all rows of its batches. */
export interface Evaluation {
  readonly loss: number;
  readonly metrics: Readonly<Record<string, number>>;
}
