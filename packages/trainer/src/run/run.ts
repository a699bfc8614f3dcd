// A run: everything that decides its numbers. How many workers there are is no part of it.
import type { Defined, LossValue, ModelValue, OptimizerValue } from '@lockstep/nn';
import type { DatasetValue } from '../data/define-dataset.ts';
import type { WireFormat } from '@lockstep/tensor';
import type { Schedule } from '../schedule.ts';
import type { Norms } from '../norms.ts';
import type { Evaluation } from '../step.ts';
import type { StepMetrics } from '../train.ts';

/** How often the loss on the validation part is measured, and on how much of it. */
export interface ValidationPlan {
  /** Steps between two measurements; 0 for none. */
  readonly every: number;
  /** Batches of `run.batch` sequences that are measured each time: the same ones every time. */
  readonly batches: number;
  /** Early stopping: the run ends after so many validations in a row that were no better than the best; 0 for never. */
  readonly patience: number;
  /** What is the better the lower it is: `loss`, or a metric of the loss. `loss` unless this or {@link highest} is given. */
  readonly lowest?: string | undefined;
  /** What is the better the higher it is. */
  readonly highest?: string | undefined;
}

/** How often norms are logged, of each parameter and of its gradient. */
export interface NormsPlan {
  /** Steps between two logs; 0 for none. */
  readonly every: number;
}

/** How often text is generated, and how. */
export interface SamplePlan {
  /** Steps between two samples; 0 for none. */
  readonly every: number;
  readonly prompt: string;
  readonly tokens: number;
  /** 0 always takes the likeliest token. */
  readonly temperature: number;
  /** How many of the likeliest tokens are drawn from. */
  readonly topK: number;
}

/** How often the state is stored, and how many states stay. */
export interface CheckpointPlan {
  /** Steps between two checkpoints; 0 for none but the one at the end. */
  readonly every: number;
  readonly keep: number;
}

/** What a run ended with. */
export interface RunOutcome {
  /** The loss of the last step, before its update. */
  readonly loss: number;
  /** The last validation: `loss`, and the loss's metrics by name. */
  readonly validation: Readonly<Record<string, number>>;
}

/** Weights to begin with, by the names of parameters. */
export interface StartingWeights {
  /** The folder of a model or of a run; it counts from the folder of the run file. */
  readonly folder: string;
  /** The beginnings of the names that are taken; all unless given. */
  readonly only?: readonly string[];
}

export interface RunSettings {
  /** Names the folder of what the run writes. */
  readonly name: string;
  readonly model: ModelValue;
  /** What the model begins with instead of random numbers; parameters that are not found there begin as they would without. */
  readonly from?: string | StartingWeights | undefined;
  readonly data: DatasetValue;
  readonly loss: LossValue;
  readonly optimizer: OptimizerValue;
  readonly schedule: Schedule;
  /** Rows of data in a step; of a text, sequences of `model.context` tokens. */
  readonly batch: number;
  /** Parts of a batch: a power of two, and the most workers there can be. */
  readonly shards: number;
  readonly steps: number;
  /** How gradients are rounded to travel between workers, on any number of them: f32, or bf16, or int8 in blocks of 32 with a scale. */
  readonly wire: WireFormat;
  readonly validation: ValidationPlan;
  readonly sample: SamplePlan;
  readonly checkpoint: CheckpointPlan;
  readonly norms: NormsPlan;
  /** The seed of initial weights, order of data, dropout and samples. */
  readonly seed: number;
  /**
   * Whether the finished run is as it should be; where not, it ends with an error, and keeps all that it has written. It speaks of the
   * run as it is written down: a launch that sets other settings is not judged.
   */
  readonly expect?: ((outcome: RunOutcome) => boolean) | undefined;
  /**
   * Called by the first worker after every step, and awaited. What it answers with `'stop'` is everybody's last step but one: the run
   * takes one more, and ends as it does after its last.
   */
  readonly onStep?: ((step: FinishedStep) => void | 'stop' | Promise<void | 'stop'>) | undefined;
}

/** What `onStep` sees. */
export interface FinishedStep extends StepMetrics {
  /** The losses and metrics of the weights after this step, where it was validated. */
  readonly validation?: Evaluation;
  /** Where they were due. */
  readonly norms?: Norms;
}

/** A run whose settings have been checked and completed, frozen. Made by `defineRun`. */
export type Run = Defined<RunSettings>;

/** A run as it is written down: what has a default may be left out. */
export interface RunOptions extends Pick<
  RunSettings,
  'name' | 'model' | 'from' | 'data' | 'optimizer' | 'schedule' | 'batch' | 'steps' | 'expect' | 'onStep'
> {
  /** What is minimised; `nextToken()` unless given. */
  readonly loss?: LossValue;
  readonly shards?: number;
  readonly wire?: WireFormat;
  readonly validation?: Partial<ValidationPlan>;
  readonly sample?: Partial<SamplePlan>;
  readonly checkpoint?: Partial<CheckpointPlan>;
  readonly norms?: Partial<NormsPlan>;
  readonly seed?: number;
}
