// A loop of one's own: a script takes the steps, and says on which rows and at which rate; what a step is (forward, backward, the canonical
// sum over all workers, the same update everywhere) is the replica's business, as it is in a run.
import type { Group } from '@lockstep/collectives';
import { ConfigError } from '@lockstep/errors';
import {
  defineLoss,
  type ForwardInputs,
  isDefined,
  type Losses,
  type LossValue,
  type Model,
  nextToken,
} from '@lockstep/nn';
import type { ModelFunctions, Rates, TensorMap } from '@lockstep/nn';
import type { Device, WireFormat } from '@lockstep/tensor';
import { type StepMathematics, type StepSettings, stepMathematics, teachersOf } from '../mathematics.ts';
import { Replica } from '../replica.ts';
import { sha256Hex } from '../sha256-hex.ts';
import type { TrainState } from '../state.ts';
import type { Evaluation } from '../step.ts';
import { weightsSha256 } from '../weights-sha256.ts';
import { encodeKept, type KeptState } from './kept-values.ts';
import { type GivenModels, type GivenOptimizers, modelOf, namedModels, optimizerOf } from './models-together.ts';
import { BatchReader, type BatchOrigin, type StepBatch } from './step-batch.ts';
import { requireAlike } from './require-alike.ts';

/** The functions of one model, or those of several by their names. */
export type ModelsOf<Models extends GivenModels> = Models extends { readonly kind: string }
  ? ModelFunctions
  : { readonly [Name in keyof Models]: ModelFunctions };

/** What a trainer trains, and how it begins. */
export interface TrainerOptions<Models extends GivenModels, State extends KeptState> {
  /** What learns: a model, or several by name. */
  readonly model: Models;
  /** One optimizer for all, or one for each of several models. */
  readonly optimizer: GivenOptimizers;
  /** What is minimised, as `defineLoss` takes it; of several models it gets all by name. `nextToken()` unless given. */
  readonly loss?: LossValue | ((models: ModelsOf<Models>, inputs: ForwardInputs) => Losses);
  /** Rows of a step over all workers. */
  readonly batch: number;
  /** Parts of a batch: a power of two, and the most workers there can be; 8 unless given, or as many as the batch has rows. */
  readonly shards?: number;
  /** The seed of initial weights, order of data and dropout; 0 unless given. */
  readonly seed?: number;
  /** How gradients are rounded to travel; f32 unless given. */
  readonly wire?: WireFormat;
  /** What the script keeps between its steps, as it begins: plain values, also Infinity. */
  readonly state?: State;
  /** Shapes of a row, by name, for arrays of the script's own: a number or a list of them unless given. */
  readonly shapes?: Readonly<Record<string, readonly number[]>>;
  /** Weights to begin with instead of those drawn from the seed, all or some, such as those of `fromPretrained`. */
  readonly weights?: TensorMap;
}

/** All that a trainer has reached. */
export interface ReachedState {
  readonly training: TrainState;
  readonly kept: Uint8Array<ArrayBuffer>;
}

/** Where a trainer keeps what it has reached, and who may stop it. All that it is asked for is asked for on every worker. */
export interface TrainerStore {
  /** What to go on from. */
  readonly start?: { readonly training: TrainState; readonly kept: KeptState } | undefined;
  /** Looks at what is trained before the first step. @throws {ConfigError} where that is not what was begun with. */
  begin(mathematics: StepMathematics, model: Model, data: BatchOrigin | undefined): Promise<void>;
  /** Whether the state is to be kept after this step. */
  isDue(step: number): boolean;
  /** Notes what a step gave. */
  note(step: TakenStep): void;
  /** Keeps a state. @param isLast whether the loop has ended, and `used` is what came of it */
  save(state: ReachedState, isLast: boolean): Promise<void>;
  /** Whether this worker has been asked to stop. */
  isAskedToStop(): boolean;
  /** A loop begins, or has ended: from now on requests to stop are, or are not, the trainer's to answer. */
  listen(isLooping: boolean): void;
}

/** What a step gave, the same on every worker; times are this one's, in milliseconds. */
export interface TakenStep {
  /** Counted from 1. */
  readonly number: number;
  /** Over the global batch, before the update. */
  readonly loss: number;
  readonly metrics: Readonly<Record<string, number>>;
  /** Norm of the whole gradient, before clipping. */
  readonly gradNorm: number;
  readonly isEmpty: boolean;
  readonly rate: Rates;
  readonly stepMs: number;
  readonly computeMs: number;
  readonly waitMs: number;
  readonly updateMs: number;
}

/** A step that is to be taken. */
export interface TrainerStep {
  /** Counted from 1. */
  readonly number: number;
  /**
   * Takes it: on every worker with the same rows and the same rate.
   * @throws {ConfigError} for rows of another form than before, another worker's, and a second call.
   * @throws {DivergedError} on all workers alike, when a number is no longer finite.
   */
  take(batch: StepBatch, options: { readonly rate: Rates }): Promise<TakenStep>;
}

/** Where a trainer computes. */
export interface TrainerPlace {
  readonly group: Group;
  readonly device: Device;
  readonly store?: TrainerStore | undefined;
  /** Bytes of the device that may be used. No bit depends on it. */
  readonly memoryBytes?: number | undefined;
}

/** Trains in steps that a script takes. Made by `createTrainer`. */
export class Trainer<Models extends GivenModels = GivenModels, State extends KeptState = KeptState> {
  /** What the script keeps: stored with the weights, and there again when it goes on. The same on every worker. */
  readonly state: State;
  readonly device: Device;
  readonly #options: TrainerOptions<Models, State>;
  readonly #place: TrainerPlace;
  readonly #settings: StepSettings;
  readonly #reader: BatchReader;
  #replica: Promise<Replica> | undefined;
  #taken: number;
  #isLooping = false;
  #stopped = false;

  /** @throws {ConfigError} for settings that do not go together. */
  constructor(options: TrainerOptions<Models, State>, place: TrainerPlace) {
    const { model, batch, shards = shardsOf(batch), seed = 0, wire = 'f32' } = options;
    requireShards({ batch, shards, workers: place.group.size });
    this.#options = options;
    this.#place = { ...place, group: place.group.withShards(shards) };
    this.device = place.device;
    this.#settings = {
      model: modelOf(model),
      loss: lossOf(options.loss as LossValue | undefined),
      optimizer: optimizerOf(options.optimizer, model),
      batch,
      shards,
      seed,
      wire,
    };
    this.#reader = new BatchReader({
      model: namedModels(model) ?? this.#settings.model,
      batch,
      shards,
      seed,
      shapes: options.shapes,
    });
    const { start } = place.store ?? {};
    this.state = structuredClone({ ...options.state, ...start?.kept }) as State;
    encodeKept(this.state);
    this.#taken = start?.training.step ?? 0;
  }

  /** Steps taken so far, those before a checkpoint included. */
  get taken(): number {
    return this.#taken;
  }

  /** Whether a worker has been asked to stop: the loop has ended early, and goes on with `--resume`. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /**
   * The steps up to `count` that have not been taken yet. When they are over, or somebody has asked to stop, the state is stored; where the
   * loop is left by `break` or an error, that of the last checkpoint stays.
   */
  async *steps(count: number): AsyncGenerator<TrainerStep, void, undefined> {
    if (!Number.isSafeInteger(count) || count < 1)
      throw new ConfigError(`steps: expected a whole number of steps from 1, got ${String(count)}`);
    if (this.#isLooping) throw new ConfigError('steps: expected one loop at a time, got a second one');
    const { store } = this.#place;
    this.#isLooping = true;
    store?.listen(true);
    try {
      const before = this.#taken;
      while (this.#taken < count && !this.#stopped) yield* this.#nextStep(count);
      if (this.#taken > before) await store?.save(await this.#reached(), this.#taken >= count);
    } finally {
      this.#isLooping = false;
      store?.listen(false);
    }
  }

  async *#nextStep(count: number): AsyncGenerator<TrainerStep, void, undefined> {
    const number = this.#taken + 1;
    yield { number, take: (batch, { rate }) => this.#take(number, batch, rate) };
    if (this.#taken < number)
      throw new ConfigError(
        `steps: expected step ${number} to be taken, got a loop that goes on without\nhint: await step.take(batch, { rate })`,
      );
    const { store } = this.#place;
    if (store?.isDue(number) && number < count && !this.#stopped) await store.save(await this.#reached(), false);
  }

  async #take(number: number, batch: StepBatch, rate: Rates): Promise<TakenStep> {
    if (this.#taken >= number) throw new ConfigError(`take: expected one call for step ${number}, got a second one`);
    this.#taken = number; // whatever comes of it, it is not to be taken again
    const began = performance.now();
    const replica = await this.#replicaFor(batch);
    this.#reader.inputsOf(batch);
    await requireAlike(this.#place.group, number, { rate, batch: () => this.#reader.hashOf(batch) });
    const { store } = this.#place;
    const {
      stop,
      end: _,
      ...result
    } = await replica.step({
      step: number - 1,
      seed: this.#settings.seed,
      learningRate: rate,
      batch: this.#reader.sourceOf(batch),
      stop: store?.isAskedToStop() ?? false,
    });
    this.#stopped = stop;
    const taken: TakenStep = { number, rate, ...result, stepMs: performance.now() - began };
    store?.note(taken);
    return taken;
  }

  /** Means over all rows of some batches, with the weights to use. All workers ask for it together. */
  async evaluate(batches: StepBatch | readonly StepBatch[]): Promise<Evaluation> {
    const all = [batches].flat() as readonly StepBatch[];
    const [first] = all;
    if (!first) throw new ConfigError('evaluate: expected batches, got none');
    const replica = await this.#replicaFor(first);
    for (const batch of all) this.#reader.inputsOf(batch);
    return (await replica.evaluate(all.map((batch) => this.#reader.sourceOf(batch))))!;
  }

  /** The weights to use by name, on the host. All workers ask for them together. @throws {ConfigError} before the first step. */
  async weights(): Promise<TensorMap> {
    const { training } = await this.#reached();
    return training.used ?? training.weights;
  }

  /**
   * The sha256 of the weights to use, and of {@link state} where the script keeps any: the same on every worker, or it is refused.
   * @throws {ConfigError} before the first step, and where workers differ, naming them.
   */
  async sha256(): Promise<string> {
    const { training, kept } = await this.#reached();
    const weights = await weightsSha256(training.used ?? training.weights);
    return Object.keys(this.state).length === 0
      ? weights
      : sha256Hex(new TextEncoder().encode(`${weights} ${await sha256Hex(kept)}`));
  }

  async #reached(): Promise<ReachedState> {
    const { store, group } = this.#place;
    if (!this.#replica && store?.start) return { training: store.start.training, kept: encodeKept(this.state) };
    if (!this.#replica) throw new ConfigError('trainer: expected a step to be taken first, got none');
    const training = await (await this.#replica).state(this.#taken);
    const kept = encodeKept(this.state);
    const hashes = { 'the weights': () => weightsSha256(training.weights), 'trainer.state': () => sha256Hex(kept) };
    await requireAlike(group, this.#taken, hashes, { always: true });
    return { training, kept };
  }

  #replicaFor(batch: StepBatch): Promise<Replica> {
    this.#replica ??= this.#create(batch);
    return this.#replica;
  }

  async #create(batch: StepBatch): Promise<Replica> {
    const { group, device, store, memoryBytes } = this.#place;
    const inputs = this.#reader.inputsOf(batch);
    const facts = this.#reader.factsOf(batch);
    const settings = this.#settings;
    const mathematics = await stepMathematics(settings, { facts, inputs });
    await requireAlike(
      group,
      0,
      { 'what is computed': () => sha256Hex(new TextEncoder().encode(JSON.stringify(mathematics))) },
      { always: true },
    );
    const replica = await Replica.create({
      device,
      group,
      facts,
      ...settings,
      teachers: teachersOf(settings, { facts, inputs }),
      shape: { batch: settings.batch, shards: settings.shards, inputs },
      memoryBytes,
    });
    await store?.begin(mathematics, replica.model, this.#reader.originOf(batch));
    if (store?.start) replica.restore(store.start.training);
    else if (this.#options.weights) replica.begin(this.#options.weights);
    return replica;
  }
}

/** Eight, or as many as divide a batch that eight do not. */
function shardsOf(batch: number): number {
  return [8, 4, 2].find((shards) => batch % shards === 0) ?? 1;
}

function lossOf(loss: LossValue | Parameters<typeof defineLoss>[0] | undefined): LossValue {
  if (loss === undefined) return nextToken();
  if (typeof loss === 'function') return defineLoss(loss as never)();
  if (isDefined(loss, 'loss')) return loss;
  throw new ConfigError(`createTrainer: loss: expected a function, or a loss such as nextToken(), got ${typeof loss}`);
}

function requireShards({ batch, shards, workers }: { batch: number; shards: number; workers: number }): void {
  const rule = (what: string, got: unknown): ConfigError =>
    new ConfigError(`createTrainer: expected ${what}, got ${String(got)}`);
  if (!Number.isSafeInteger(batch) || batch < 1) throw rule('a batch of at least one row', batch);
  if (!Number.isSafeInteger(shards) || shards < 1 || (shards & (shards - 1)) !== 0)
    throw rule('shards to be a power of two', shards);
  if (batch % shards !== 0) throw rule(`a batch that is a multiple of ${shards} shards`, batch);
  if (workers > shards) throw rule(`at most one worker per shard (${shards})`, `${workers} workers`);
}
