// Where a script's trainer keeps what it has reached: in a run's folder, which the first worker has claimed and writes, and all read.
import type { Group } from '@lockstep/collectives';
import {
  ConfigError,
  createModel,
  type Facts,
  type Model,
  type ModelValue,
  type TensorMap,
  type Tokenizer,
} from '@lockstep/nn';
import {
  type BatchOrigin,
  type GivenModels,
  otherPart,
  type ReachedState,
  type StepMathematics,
  type TakenStep,
  type TrainerStore,
} from '@lockstep/trainer';
import {
  latestCheckpoint,
  latestRunDirectory,
  loadCheckpoint,
  MetricsLog,
  readKept,
  readRunRecord,
  requireOwnRun,
  type RunPaths,
  runPaths,
  type RunRecord,
  saveCheckpoint,
  saveModel,
  writeLossChart,
  writeRunRecord,
} from '@lockstep/trainer/node';
import { say } from '../console/say.ts';
import { shellCommand } from '../console/shell-words.ts';
import { forceHint, runsFolder, shown } from '../launch/plan-launch.ts';
import { RunFolder } from '../launch/run-folder.ts';
import { stopSignals } from '../launch/stop-signals.ts';
import { hashOfName } from './script-name.ts';
import type { TrainerWishes } from './trainer-wishes.ts';
import { versions } from './versions.ts';

export interface RunStoreOptions extends TrainerWishes {
  /** Names the folder. */
  readonly name: string;
  /** The script. */
  readonly file: string;
  readonly group: Group;
  readonly adapter: string;
  /** Steps between two checkpoints, 0 for none but the last, and how many stay. */
  readonly checkpoint: { readonly every: number; readonly keep: number };
  /** What is written down of the trainer. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly models: GivenModels;
}

/** What the first worker tells the others of the run's folder. */
interface Place {
  readonly root: string;
  /** Path of the checkpoint to go on from. */
  readonly checkpoint?: string | undefined;
}

export class RunStore implements TrainerStore {
  readonly start: TrainerStore['start'];
  /** The run's folder. */
  readonly root: string;
  readonly #options: RunStoreOptions;
  readonly #paths: RunPaths;
  /** What is written only on the first worker. */
  readonly #folder: RunFolder | undefined;
  readonly #before: RunRecord | undefined;
  #metrics: MetricsLog | undefined;
  #model: Model | undefined;
  #tokenizer: Tokenizer | undefined;
  #isAsked = false;
  readonly #heed = (): void => void (this.#isAsked = true);

  /** All workers together. @throws {ConfigError} @throws {CheckpointError} for a folder that cannot be had or gone on with. */
  static async open(options: RunStoreOptions): Promise<RunStore> {
    const { group } = options;
    const own = group.rank === 0 ? await claim(options) : undefined;
    const [place] = (await group.allGatherValues(own?.place ?? null)) as [Place];
    const { checkpoint } = place;
    const start =
      checkpoint === undefined
        ? undefined
        : {
            training: await loadCheckpoint(checkpoint, { run: hashOfName(options.name) }),
            kept: await readKept(checkpoint),
          };
    return new RunStore(options, { place, start, ...own });
  }

  private constructor(
    options: RunStoreOptions,
    found: { place: Place; start: TrainerStore['start']; folder?: RunFolder; record?: RunRecord | undefined },
  ) {
    this.#options = options;
    this.root = found.place.root;
    this.start = found.start;
    this.#paths = runPaths(found.place.root);
    this.#folder = found.folder;
    this.#before = found.record;
  }

  async begin(mathematics: StepMathematics, model: Model, data?: BatchOrigin): Promise<void> {
    this.#model = model;
    this.#tokenizer = data?.tokenizer;
    if (!this.#folder) return;
    const { force, group, name, file, adapter, settings } = this.#options;
    const part = this.#otherPart(mathematics, data);
    if (part !== undefined && !force)
      throw new ConfigError(
        `--resume: expected the ${part} that ${shown(this.root)} was begun with, got another\nhint: ${forceHint}`,
      );
    const fromStep = this.start?.training.step ?? 0;
    const launch = { at: new Date().toISOString(), workers: group.size, fromStep, adapter, versions: versions() };
    await writeRunRecord(this.#paths.record, {
      run: { ...settings, name },
      file,
      data: data?.sha256,
      mathematics,
      overrides: [],
      launches: [...(this.#before?.launches ?? []), launch],
    });
    this.#metrics = await MetricsLog.open(this.#paths.metrics, { after: fromStep });
  }

  #otherPart(mathematics: StepMathematics, data: BatchOrigin | undefined): string | undefined {
    const { mathematics: before, data: known } = this.#before ?? {};
    if (known !== undefined && known !== data?.sha256) return 'data';
    return before && otherPart(before, mathematics);
  }

  isDue(step: number): boolean {
    const { every } = this.#options.checkpoint;
    return every > 0 && step % every === 0;
  }

  note({ number, rate, ...figures }: TakenStep): void {
    const rows = Number(this.#options.settings['batch']);
    const [learningRate = 0] = typeof rate === 'number' ? [rate] : Object.values(rate);
    const throughput = { tokens: number * rows, tokensPerSecond: (1000 * rows) / figures.stepMs };
    this.#metrics?.step({ step: number, learningRate, ...throughput, ...figures });
  }

  async save({ training, kept }: ReachedState, isLast: boolean): Promise<void> {
    if (!this.#folder) return;
    const { checkpoint, name } = this.#options;
    requireOwnRun(this.root);
    const card = { config: this.#model!.config(), tokenizer: this.#tokenizer };
    const { keep } = checkpoint;
    await saveCheckpoint(this.#paths.checkpoints, training, { run: hashOfName(name), model: card, keep, kept });
    await writeLossChart(this.#paths.chart, { title: name, metrics: this.#paths.metrics });
    if (isLast) await this.#saveModels(training.used ?? training.weights);
    else if (this.#isAsked) say(process.stderr, this.#stopLines(training.step));
  }

  isAskedToStop(): boolean {
    return this.#isAsked;
  }

  listen(isLooping: boolean): void {
    for (const signal of stopSignals) {
      if (isLooping) process.on(signal, this.#heed);
      else process.off(signal, this.#heed);
    }
  }

  /** Several models have a folder each. */
  async #saveModels(weights: TensorMap): Promise<void> {
    const { models } = this.#options;
    const { model } = this.#paths;
    const tokenizer = this.#tokenizer;
    if (typeof (models as { kind?: unknown }).kind === 'string')
      return saveModel(model, { config: this.#model!.config(), tokenizer }, weights);
    for (const [name, value] of Object.entries(models as Record<string, ModelValue>)) {
      const own = new Map(
        [...weights].flatMap(([full, tensor]) =>
          full.startsWith(`${name}.`) ? [[full.slice(name.length + 1), tensor] as const] : [],
        ),
      );
      await saveModel(
        `${model}/${name}`,
        { config: createModel(value, this.#model!.facts as Facts).config(), tokenizer },
        own,
      );
    }
  }

  #stopLines(step: number): string {
    const { file, out, group } = this.#options;
    const words = ['npx', 'lockstep', 'run', shown(file), '--workers', String(group.size), '--resume'];
    return `stopped after step ${step}\nresume   ${shellCommand([...words, ...(out === undefined ? [] : ['--out', out])])}`;
  }
}

async function claim(options: RunStoreOptions): Promise<{ place: Place; folder: RunFolder; record?: RunRecord }> {
  const { name, out, resume } = options;
  if (!resume) {
    const folder = await RunFolder.take({ run: { name }, out });
    return { place: { root: folder.root }, folder };
  }
  const root = out ?? (await latestRunDirectory(runsFolder, name));
  if (root === undefined)
    throw new ConfigError(`--resume: expected a run in ${runsFolder}/${name}, got no such folder`);
  const record = await readRunRecord(runPaths(root).record);
  const checkpoint = await latestCheckpoint(runPaths(root).checkpoints, { run: hashOfName(name) });
  const folder = await RunFolder.take({ run: { name }, out, resumed: { root, record, checkpoint } });
  return { place: { root, checkpoint: checkpoint?.path }, folder, record };
}
