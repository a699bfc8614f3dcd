// A run: everything that decides its numbers, as plain data. How many workers there are is no part of it.
import type { ModelDescription, OptimizerDescription } from '@lockstep/nn';
import type { WireFormat } from '@lockstep/tensor';
import type { TextDescription } from '../data/text.ts';
import type { Schedule } from '../schedule.ts';

/** How often the loss on the validation part is measured, and on how much of it. */
export interface ValidationPlan {
  /** Steps between two measurements; 0 for none. */
  readonly every: number;
  /** Batches of `run.batch` sequences that are measured each time: the same ones every time. */
  readonly batches: number;
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

export interface Run {
  /** Names the folder of what the run writes. */
  readonly name: string;
  readonly model: ModelDescription;
  readonly data: TextDescription;
  readonly optimizer: OptimizerDescription;
  readonly schedule: Schedule;
  /** Sequences in a step, of `model.context` tokens each. */
  readonly batch: number;
  /** Parts of a batch: a power of two, and the most workers there can be. */
  readonly shards: number;
  readonly steps: number;
  /** How gradients are rounded to travel between workers, on any number of them: f32, or bf16, or int8 in blocks of 32 with a scale. */
  readonly wire: WireFormat;
  readonly validation: ValidationPlan;
  readonly sample: SamplePlan;
  readonly checkpoint: CheckpointPlan;
  /** Of initial weights, order of data, dropout and samples. */
  readonly seed: number;
}

/** A run as it is written down: what has a default may be left out. */
export interface RunOptions extends Pick<
  Run,
  'name' | 'model' | 'data' | 'optimizer' | 'schedule' | 'batch' | 'steps'
> {
  readonly shards?: number;
  readonly wire?: WireFormat;
  readonly validation?: Partial<ValidationPlan>;
  readonly sample?: Partial<SamplePlan>;
  readonly checkpoint?: Partial<CheckpointPlan>;
  readonly seed?: number;
}
