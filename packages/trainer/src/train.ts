// The loop of a run on one worker. All workers run the same loop and agree after every step; what only one of them should
// do (report, sample, write) is left to the events that it is given.
import type { Group, ShardRange, Trace } from '@lockstep/collectives';
import { createGenerator, createModel, type Generator } from '@lockstep/nn';
import type { Device } from '@lockstep/tensor';
import { tokensPerStep } from './batch.ts';
import type { BatchPart, Dataset } from './data/dataset.ts';
import { type BatchSource, Replica, type Sharing, type StepResult, type TrainState } from './replica.ts';
import type { Run } from './run/run.ts';
import { learningRate } from './schedule.ts';
import { requireFinite } from './soundness.ts';
import { weightsSha256 } from './weights-sha256.ts';

/** One step, as it is logged. Times are in milliseconds. */
export interface StepMetrics extends Omit<StepResult, 'stop'> {
  /** Steps taken, this one included. */
  readonly step: number;
  readonly learningRate: number;
  /** Tokens trained on so far. */
  readonly tokens: number;
  readonly tokensPerSecond: number;
  readonly stepMs: number;
}

/** What a worker does besides computing. All may be left out, and all are awaited. */
export interface TrainEvents {
  /** Before the first step. */
  onStart?(sharing: Sharing): void | Promise<void>;
  onStep?(metrics: StepMetrics): void | Promise<void>;
  onValidation?(result: { readonly step: number; readonly loss: number }): void | Promise<void>;
  onSample?(result: { readonly step: number; readonly text: string }): void | Promise<void>;
  onCheckpoint?(state: TrainState): void | Promise<void>;
}

export interface TrainOptions extends TrainEvents {
  readonly device: Device;
  readonly group: Group;
  readonly dataset: Dataset;
  /** Where to go on; from the beginning unless given. */
  readonly start?: TrainState | undefined;
  /** Bytes of gradients that are read back and reduced at a time, about. No bit depends on it. */
  readonly bucketBytes?: number | undefined;
  /** Bytes of the device that may be used; all that it takes to compute all shards side by side unless given. No bit depends on it. */
  readonly memoryBytes?: number | undefined;
  /** Told where the time of each step goes. */
  readonly trace?: Trace | undefined;
  /**
   * Asked before each step, in each batch of a validation and at each token of a sample: whether the run should end after it. One
   * worker's yes ends it for all, after the same step.
   */
  stop?(): boolean;
}

export interface TrainResult {
  readonly state: TrainState;
  /** Of the last step, before its update. */
  readonly loss: number;
  /** Of the final weights; undefined when the run does not validate, or was stopped before it had. */
  readonly validationLoss: number | undefined;
  /** Over all parameters in the order of their names, as little-endian f32. */
  readonly weightsSha256: string;
  /** Whether the run was stopped before its last step. */
  readonly stopped: boolean;
}

/**
 * Trains until the run's last step, or until a worker asks to stop.
 * @throws {DivergedError} on all workers alike, when a learning rate, a loss, a gradient or a weight is no longer finite. The
 * step that made it is given to no event.
 * @throws {DeviceError} @throws {PeerLostError} @throws {TimeoutError}
 */
export async function train(run: Run, options: TrainOptions): Promise<TrainResult> {
  return new Training(run, options, await createReplica(run, options)).run();
}

async function createReplica(run: Run, options: TrainOptions): Promise<Replica> {
  const { device, group, dataset, start, bucketBytes, memoryBytes, trace } = options;
  const model = createModel(run.model, { vocab: dataset.vocabSize });
  const shape = { batch: run.batch, shards: run.shards, context: model.context };
  const { optimizer, seed, wire } = run;
  const replica = await Replica.create({
    device,
    group,
    model,
    optimizer,
    shape,
    seed,
    wire,
    bucketBytes,
    memoryBytes,
    trace,
  });
  if (start) replica.restore(start);
  return replica;
}

class Training {
  readonly #run: Run;
  readonly #options: TrainOptions;
  readonly #replica: Replica;
  #generator: Generator | undefined;
  #step: number;
  #loss = Number.NaN;
  #validationLoss: number | undefined;
  /** Whether a worker has asked to stop: the same on all of them. */
  #stopped = false;

  constructor(run: Run, options: TrainOptions, replica: Replica) {
    this.#run = run;
    this.#options = options;
    this.#replica = replica;
    this.#step = options.start?.step ?? 0;
  }

  async run(): Promise<TrainResult> {
    const { steps } = this.#run;
    const began = this.#step;
    await this.#options.onStart?.(this.#replica.sharing);
    while (this.#step < steps && !this.#stopped) {
      await this.#takeStep();
      if (this.#due(this.#run.validation.every)) await this.#validate();
      if (this.#due(this.#run.sample.every)) await this.#sample();
      if (this.#step < steps && this.#due(this.#run.checkpoint.every)) await this.#store();
    }
    // Read once, for the last checkpoint and for the result.
    const state = await this.#replica.state(this.#step);
    if (this.#step > began) await this.#options.onCheckpoint?.(state);
    return {
      state,
      loss: this.#loss,
      validationLoss: this.#validationLoss,
      weightsSha256: await weightsSha256(state.weights),
      stopped: this.#stopped && this.#step < steps,
    };
  }

  /** Whether something that happens every so many steps happens now. What happens at all happens at the end, too, though
   * nothing does once the run is stopped: who stops it waits for the checkpoint only. */
  #due(every: number): boolean {
    const isLast = this.#step === this.#run.steps;
    return !this.#stopped && every > 0 && (isLast || this.#step % every === 0);
  }

  readonly #isAskedToStop = (): boolean => this.#options.stop?.() ?? false;

  /** Others have a part of the state where the optimizer is sharded, and so take part. */
  async #store(): Promise<void> {
    if (!this.#options.onCheckpoint && !this.#replica.sharing.sharded) return;
    const state = await this.#replica.state(this.#step);
    await this.#options.onCheckpoint?.(state);
  }

  async #takeStep(): Promise<void> {
    const { seed, schedule, steps } = this.#run;
    const began = performance.now();
    const rate = learningRate(schedule, this.#step, steps);
    const batch = this.#trainingBatch(this.#step);
    const { stop, ...result } = await this.#replica.step({
      step: this.#step,
      seed,
      learningRate: rate,
      batch,
      stop: this.#isAskedToStop(),
    });
    this.#step++;
    this.#stopped = stop;
    this.#loss = result.loss;
    this.#validationLoss = undefined;
    await this.#options.onStep?.(this.#metrics(result, rate, performance.now() - began));
  }

  #metrics(result: Omit<StepResult, 'stop'>, rate: number, stepMs: number): StepMetrics {
    const tokens = tokensPerStep({ ...this.#run, context: this.#replica.model.context });
    return {
      ...result,
      step: this.#step,
      learningRate: rate,
      tokens: tokens * this.#step,
      tokensPerSecond: (1000 * tokens) / stepMs,
      stepMs,
    };
  }

  async #validate(): Promise<void> {
    const batches = Array.from({ length: this.#run.validation.batches }, (_, index) => this.#validationBatch(index));
    const loss = await this.#replica.evaluate(batches, { stop: this.#isAskedToStop });
    this.#stopped = loss === undefined;
    if (loss === undefined) return;
    requireFinite(`validation loss after step ${this.#step}`, loss);
    this.#validationLoss = loss;
    await this.#options.onValidation?.({ step: this.#step, loss: this.#validationLoss });
  }

  async #sample(): Promise<void> {
    if (!this.#options.onSample) return;
    const { prompt, tokens, temperature, topK } = this.#run.sample;
    const { tokenizer } = this.#options.dataset;
    const { device, model, parameters } = this.#replica;
    this.#generator ??= await createGenerator({ device, model, parameters });
    const ids = [...(await tokenizer.encode(prompt))];
    const sampling = { tokens, temperature, seed: this.#run.seed, ...(topK > 0 && { topK }) };
    for await (const id of this.#generator.generate(ids.slice(), sampling)) {
      if (this.#isAskedToStop()) return; // the others hear of it in the next step
      ids.push(id);
    }
    await this.#options.onSample({ step: this.#step, text: await tokenizer.decode(ids) });
  }

  #trainingBatch(step: number): BatchSource {
    return (range) => this.#options.dataset.batch({ step, seed: this.#run.seed, ...this.#part(range) });
  }

  #validationBatch(index: number): BatchSource {
    return (range) => this.#options.dataset.validationBatch(index, this.#part(range));
  }

  #part({ lo, hi }: ShardRange): BatchPart {
    const { batch, shards } = this.#run;
    return { shard: lo, count: hi - lo, shards, batchSize: batch, context: this.#replica.model.context };
  }
}
