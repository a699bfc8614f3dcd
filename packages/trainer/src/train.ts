// The loop of a run on one worker. All workers run the same loop and agree after every step; what only one of them should
// do (report, sample, write) is left to the events that it is given.
import { createGenerator, type Generator } from '@lockstep/nn';
import { trainingBatch, validationBatch } from './batch-source.ts';
import { createReplica, type Workplace } from './create-replica.ts';
import type { Batches } from './data/dataset.ts';
import type { Sharing } from './create-update.ts';
import { ConfigError } from '@lockstep/errors';
import type { Replica } from './replica.ts';
import type { TrainState } from './state.ts';
import type { Evaluation, StepResult } from './step.ts';
import type { Norms } from './norms.ts';
import { Patience } from './patience.ts';
import { perCharacter, tokensPerCharacter } from './per-character.ts';
import type { FinishedStep, Run } from './run/run.ts';
import { learningRate } from './schedule.ts';
import { requireFinite } from './soundness.ts';
import { weightsSha256 } from './weights-sha256.ts';

/** One step, as it is logged. Times are in milliseconds. */
export interface StepMetrics extends Omit<StepResult, 'stop' | 'end'> {
  /** Steps taken, this one included. */
  readonly step: number;
  readonly learningRate: number;
  /** Tokens trained on so far; of data that is no text, rows. */
  readonly tokens: number;
  readonly tokensPerSecond: number;
  readonly stepMs: number;
}

/** What a worker does besides computing. All may be left out, and all are awaited. */
export interface TrainEvents {
  /** Before the first step. */
  onStart?(sharing: Sharing): void | Promise<void>;
  onStep?(metrics: StepMetrics): void | Promise<void>;
  onValidation?(result: Evaluation & { readonly step: number }): void | Promise<void>;
  onNorms?(result: { readonly step: number; readonly norms: Norms }): void | Promise<void>;
  /** After all of these. Answers `'stop'` to make the next step the last one, for all workers. */
  onStepEnd?(step: FinishedStep): void | 'stop' | Promise<void | 'stop'>;
  onSample?(result: { readonly step: number; readonly text: string }): void | Promise<void>;
  onCheckpoint?(state: TrainState): void | Promise<void>;
}

/** Where a run is trained, who is told of it, and who may stop it. */
export interface TrainOptions extends TrainEvents, Workplace {
  /**
   * Asked before each step, in each batch of a validation and at each token of a sample: whether the run should end after it. One
   * worker's yes ends it for all, after the same step.
   */
  stop?(): boolean;
}

/** What the loop of a run leaves: its state, its losses, and why it ended. */
export interface TrainResult {
  readonly state: TrainState;
  /** The loss of the last step, before its update. */
  readonly loss: number;
  /** The losses and metrics of the final weights; undefined when the run does not validate, or was stopped before it had. */
  readonly validation: Evaluation | undefined;
  /** The sha256 of the weights to use, over all parameters in the order of their names, as little-endian f32. */
  readonly weightsSha256: string;
  /** Whether the run was stopped before its last step. */
  readonly stopped: boolean;
  /** Why the run itself ended before `run.steps`, where it did. */
  readonly ended: string | undefined;
}

/**
 * Trains until the run's last step, or until a worker asks to stop.
 * @throws {DivergedError} on all workers alike, when a learning rate, a loss, a gradient or a weight is no longer finite. The
 * step that made it is given to no event.
 * @throws {DeviceError} @throws {PeerLostError} @throws {TimeoutError}
 */
export async function trainOn(run: Run, options: TrainOptions): Promise<TrainResult> {
  const { dataset } = options;
  const batches = dataset.batches(run.model);
  requireValidation(run, batches);
  const replica = await createReplica(run, options, batches);
  const ratio = run.validation.every > 0 ? await tokensPerCharacter(run, batches, dataset.tokenizer) : undefined;
  return new Training(run, options, { batches, replica, ratio }).run();
}

/** @throws {ConfigError} where there is nothing to validate on. */
export function requireValidation({ name, validation, data }: Run, { validationRows }: Batches): void {
  if (validationRows > 0 || validation.every === 0) return;
  throw new ConfigError(
    `${name}: expected data with rows for a validation every ${validation.every} steps, got ${data.kind} without any\nhint: validation: { every: 0 } does without`,
  );
}

/** What a loop is taken with. */
interface Means {
  readonly batches: Batches;
  readonly replica: Replica;
  /** Tokens for each character, where a token is none. */
  readonly ratio: number | undefined;
}

class Training {
  readonly #run: Run;
  readonly #options: TrainOptions;
  readonly #batches: Batches;
  readonly #replica: Replica;
  readonly #ratio: number | undefined;
  #generator: Generator | undefined;
  #step: number;
  #loss = Number.NaN;
  #validation: Evaluation | undefined;
  /** The norms of the last step, where they were due. */
  #norms: Norms | undefined;
  readonly #patience: Patience;
  /** The step after which the run ends: the same on all workers. */
  #last: number;
  /** Why that is not `run.steps`. */
  #ended: string | undefined;
  /** Whether this worker has been told to end the run. */
  #isEnough = false;
  /** Whether a worker has asked to stop: the same on all of them. */
  #stopped = false;

  constructor(run: Run, options: TrainOptions, { batches, replica, ratio }: Means) {
    this.#run = run;
    this.#options = options;
    this.#batches = batches;
    this.#replica = replica;
    this.#ratio = ratio;
    this.#step = options.start?.step ?? 0;
    this.#last = run.steps;
    this.#patience = new Patience(run.validation, {
      metrics: [...replica.metrics, ...(ratio === undefined ? [] : [perCharacter])],
      best: options.start?.best,
    });
  }

  async run(): Promise<TrainResult> {
    const { validation, norms, sample, checkpoint } = this.#run;
    const began = this.#step;
    await this.#options.onStart?.(this.#replica.sharing);
    while (this.#step < this.#last && !this.#stopped) {
      const metrics = await this.#takeStep();
      if (this.#due(norms.every)) await this.#readNorms();
      if (this.#due(validation.every)) await this.#validate();
      if (this.#due(sample.every)) await this.#sample();
      if (this.#step < this.#last && this.#due(checkpoint.every)) await this.#store();
      await this.#endStep(metrics);
    }
    // Read once, for the last checkpoint and for the result.
    const state = await this.#state();
    if (this.#step > began) await this.#options.onCheckpoint?.(state);
    return {
      state,
      loss: this.#loss,
      validation: this.#validation,
      weightsSha256: await weightsSha256(state.used ?? state.weights),
      stopped: this.#stopped && this.#step < this.#last,
      ended: this.#ended,
    };
  }

  /** Whether something that happens every so many steps happens now. What happens at all happens at the end, too, though
   * nothing does once the run is stopped: who stops it waits for the checkpoint only. */
  #due(every: number): boolean {
    const isLast = this.#step === this.#last;
    return !this.#stopped && every > 0 && (isLast || this.#step % every === 0);
  }

  readonly #isAskedToStop = (): boolean => this.#options.stop?.() ?? false;

  /** Others have a part of the state where the optimizer is sharded, and so take part. */
  async #store(): Promise<void> {
    if (!this.#options.onCheckpoint && !this.#replica.sharing.sharded) return;
    const state = await this.#state(); // also where nobody here wants it, and so no argument of a call that may be left out
    await this.#options.onCheckpoint?.(state);
  }

  async #state(): Promise<TrainState> {
    const { best } = this.#patience;
    return { ...(await this.#replica.state(this.#step)), ...(best && { best }) };
  }

  async #takeStep(): Promise<StepMetrics> {
    const { seed, schedule, steps } = this.#run;
    const began = performance.now();
    const rate = learningRate(schedule, this.#step, steps);
    const batch = trainingBatch(this.#run, this.#batches, this.#step);
    const { stop, end, ...result } = await this.#replica.step({
      step: this.#step,
      seed,
      learningRate: rate,
      batch,
      stop: this.#isAskedToStop(),
      end: this.#isEnough,
    });
    this.#step++;
    this.#stopped = stop;
    this.#loss = result.loss;
    [this.#validation, this.#norms] = [undefined, undefined];
    if (end) this.#endHere('onStep asked for it');
    const metrics = this.#metrics(result, rate, performance.now() - began);
    await this.#options.onStep?.(metrics);
    return metrics;
  }

  /** Makes this step the run's last one. */
  #endHere(why: string): void {
    if (this.#step < this.#run.steps) this.#ended = `after step ${this.#step} of ${this.#run.steps}: ${why}`;
    this.#last = this.#step;
  }

  async #endStep(metrics: StepMetrics): Promise<void> {
    const [validation, norms] = [this.#validation, this.#norms];
    const step = { ...metrics, ...(validation && { validation }), ...(norms && { norms }) };
    if ((await this.#options.onStepEnd?.(step)) === 'stop') this.#isEnough = true;
  }

  #metrics(result: Omit<StepResult, 'stop' | 'end'>, rate: number, stepMs: number): StepMetrics {
    const tokens = this.#run.batch * this.#batches.unitsPerRow;
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
    const batches = Array.from({ length: this.#run.validation.batches }, (_, index) =>
      validationBatch(this.#run, this.#batches, index),
    );
    const evaluated = await this.#replica.evaluate(batches, { stop: this.#isAskedToStop });
    this.#stopped = evaluated === undefined;
    if (evaluated === undefined) return;
    const found = this.#withCharacters(evaluated);
    requireFinite(`validation loss after step ${this.#step}`, found.loss);
    this.#validation = found;
    await this.#options.onValidation?.({ step: this.#step, ...found });
    const why = this.#patience.after(this.#step, found);
    if (why !== undefined) this.#endHere(why);
  }

  #withCharacters({ loss, metrics }: Evaluation): Evaluation {
    if (this.#ratio === undefined) return { loss, metrics };
    return { loss, metrics: { [perCharacter]: loss * this.#ratio, ...metrics } }; // what a loss gives itself stands
  }

  /** Others have a part of the gradient where the optimizer is sharded, and so take part. */
  async #readNorms(): Promise<void> {
    this.#norms = await this.#replica.norms();
    await this.#options.onNorms?.({ step: this.#step, norms: this.#norms });
  }

  async #sample(): Promise<void> {
    // All workers bring the weights to use together, whoever it is that samples.
    const text = await this.#replica.using(() => this.#sampledText());
    if (text !== undefined) await this.#options.onSample?.({ step: this.#step, text });
  }

  async #sampledText(): Promise<string | undefined> {
    const { tokenizer } = this.#options.dataset;
    if (!this.#options.onSample || !tokenizer) return undefined;
    const { prompt, tokens, temperature, topK } = this.#run.sample;
    this.#generator ??= await createGenerator(this.#replica);
    const ids = [...(await tokenizer.encode(prompt))];
    const sampling = { tokens, temperature, seed: this.#run.seed, ...(topK > 0 && { topK }) };
    for await (const id of this.#generator.generate(ids.slice(), sampling)) {
      if (this.#isAskedToStop()) return undefined; // the others hear of it in the next step
      ids.push(id);
    }
    return tokenizer.decode(ids);
  }
}
