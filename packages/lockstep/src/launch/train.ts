// Training from a script: the same job as `lockstep train`, with the run that the script imports.
import { ConfigError, type Evaluation, moduleOf, type Run } from '@lockstep/trainer';
import { storedSettings } from '@lockstep/trainer/node';
import { Writable } from 'node:stream';
import { findScriptRun } from '../bundle/keep-script.ts';
import type { BridgeWish } from '../job/choose-bridge.ts';
import { launch } from './launch.ts';
import { type LoadedRun, loadRunModule, runOf } from '../load/load-run.ts';
import { planRun } from './plan-launch.ts';

/** How `train` launches a run: what it changes, with how many workers, and where it writes. */
export interface TrainOptions {
  /** Settings over those of the run, by their paths: `{ 'model.layers': 4, steps: 200 }`. */
  readonly set?: Readonly<Record<string, string | number | boolean>>;
  /** Processes that share the work; one for each GPU unless given. No bit depends on it. */
  readonly workers?: number;
  /** Where to write; `runs/<name>` unless given. */
  readonly out?: string;
  /** Go on with the run in `out`, or the latest of its name. */
  readonly resume?: boolean;
  /** With `resume`, go on even where the run computes something else than it did. */
  readonly force?: boolean;
  readonly bridge?: BridgeWish;
  /** Bytes of its adapter that each worker may use. */
  readonly memoryBytes?: number;
  /** Print nothing; false unless given. */
  readonly quiet?: boolean;
}

/** What `train` gives when a run has ended, and where its folder is. */
export interface TrainResult {
  readonly name: string;
  /** What was set over the run's own settings. */
  readonly settings: Readonly<Record<string, string | number | boolean>>;
  /** The run's folder. */
  readonly folder: string;
  readonly steps: number;
  /** The loss of the last step, before its update. */
  readonly loss: number;
  /** The validation loss of the final weights; undefined where the run does not validate. */
  readonly validationLoss: number | undefined;
  readonly metrics: Evaluation['metrics'];
  /** Tokens, or rows of what is no text. */
  readonly tokensPerSecond: number;
  readonly workers: number;
  readonly adapter: string;
  readonly weightsSha256: string;
  /** What the run's `expect` answers; undefined where it has none, or was not asked, as where `set` changes it. */
  readonly asExpected: boolean | undefined;
}

/**
 * Trains a run: starts workers that import the run's module, never the script, and resolves when they are done.
 * @param run one that a script imports, where the script is run by `lockstep run`, or the path of a run file.
 * @throws {ConfigError} for a run that no module exports, such as `{ ...run, loss }`, and for settings that do not go.
 * @throws {WorkerError} when a worker fails.
 */
export async function train(run: Run | string, options: TrainOptions = {}): Promise<TrainResult> {
  const { set = {}, quiet = false, memoryBytes, ...rest } = options;
  const loaded = typeof run === 'string' ? await loadRunModule(run) : await loadStamped(run);
  const overrides = Object.entries(set).map(([path, value]) => `${path}=${String(value)}`);
  const plan = await planRun(loaded.module.file, loaded, {
    ...rest,
    set: overrides,
    ...(memoryBytes !== undefined && { memory: memoryBytes }),
  });
  const result = await launch(plan, { stream: quiet ? silence() : process.stdout });
  if (typeof result === 'number')
    throw new ConfigError(`train: expected ${plan.run.name} to run to its end, got a signal that ended it`);
  const { validation, folder, steps, loss, tokensPerSecond, workers, adapter, weightsSha256, asExpected } = result;
  const { name } = storedSettings(plan.run) as { readonly name: string };
  const figures = { steps, loss, tokensPerSecond, workers, adapter, weightsSha256, asExpected };
  return {
    name,
    settings: set,
    folder,
    ...figures,
    validationLoss: validation?.loss,
    metrics: validation?.metrics ?? {},
  };
}

/** The module that a run was stamped with, which exports it. @throws {ConfigError} */
async function loadStamped(run: Run): Promise<LoadedRun> {
  const sha256 = moduleOf(run);
  const module = sha256 === undefined ? undefined : await findScriptRun(sha256);
  if (!module)
    throw new ConfigError(
      `train: expected a run that a module exports by default, got ${run.name}, which is ${sha256 === undefined ? 'made here' : 'of a module that is not kept'}\nhint: workers import the run's module: export default defineRun({ … }) in a file of its own, import that, and start the script by lockstep run; { set: { … } } changes settings`,
    );
  const exported = await runOf(module);
  if (JSON.stringify(storedSettings(exported)) !== JSON.stringify(storedSettings(run)))
    throw new ConfigError(
      `train: expected the run that ${module.file} exports, got one with other settings\nhint: { set: { … } } changes settings`,
    );
  return { run: exported, module };
}

/** A stream that shows nothing. */
function silence(): NodeJS.WriteStream {
  return new Writable({ write: (_chunk, _encoding, done) => done() }) as NodeJS.WriteStream;
}
