// What is to be launched, worked out from the command line before anything is started or written.
import { availableParallelism } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { readJSON } from '@lockstep/nn';
import { ConfigError, overrideRun, parseOverride, type Run } from '@lockstep/trainer';
import {
  type CheckpointPlace,
  hashesOf,
  latestCheckpoint,
  latestRunDirectory,
  readRunRecord,
  requireUnlocked,
  runPaths,
  type RunRecord,
  type Share,
  whatChanged,
} from '@lockstep/trainer/node';
import type { BridgeWish } from '../job/choose-bridge.ts';
import { listGpus } from './gpus.ts';
import { type HubTls, readHubTls } from '../hub/tls.ts';
import type { RunModule } from '../bundle/run-module.ts';
import { type LoadedRun, loadRunModule } from '../load/load-run.ts';
import { shellCommand } from '../console/shell-words.ts';

/** The options of `lockstep train`. */
export interface LaunchOptions {
  readonly workers?: number;
  readonly steps?: number;
  readonly resume?: boolean;
  /** Whether to go on even where the run computes something else than it did. */
  readonly force?: boolean;
  readonly out?: string;
  readonly set?: readonly string[];
  readonly port?: number;
  readonly bridge?: BridgeWish;
  readonly tls?: boolean;
  /** PEM files, both or none. */
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly bucketBytes?: number;
  readonly memory?: number;
  readonly dumpKernels?: string;
  readonly trace?: string;
  /** Who else may read the run. */
  readonly share?: Share;
}

export interface LaunchPlan {
  readonly run: Run;
  /** What workers import. */
  readonly module: RunModule;
  /** The run file, as it was given. */
  readonly file: string;
  /** All settings over the file's. */
  readonly overrides: readonly string[];
  /** What the launcher sets by itself, for this launch alone. */
  readonly chosen?: readonly string[];
  /** Those of them that come from the record of the run to go on with. */
  readonly inherited: readonly string[];
  readonly workers: number;
  /** PCI addresses. */
  readonly gpus: readonly string[];
  readonly cores: number;
  readonly port: number;
  readonly bridge: BridgeWish;
  /** How the hub listens at wss://, where it does. */
  readonly tls?: HubTls | undefined;
  readonly bucketBytes?: number | undefined;
  readonly memoryBytes?: number | undefined;
  /** The folder for generated kernels. */
  readonly dumpKernels?: string | undefined;
  /** The file for a trace. */
  readonly trace?: string | undefined;
  /** Who else may read the run; as before, or nobody, unless given. */
  readonly share?: Share | undefined;
  /** The folder that was asked for. */
  readonly out?: string | undefined;
  /** The run to go on with. */
  readonly resumed?: ResumedRun | undefined;
  /** Whether to go on with it even where something else is computed. */
  readonly force?: boolean | undefined;
}

export interface ResumedRun {
  readonly root: string;
  readonly record: RunRecord;
  /** None where it ended before the first one. */
  readonly checkpoint?: CheckpointPlace | undefined;
}

/** Where runs are, from the working directory. */
export const runsFolder = 'runs';

/** @throws {ConfigError} @throws {CheckpointError} */
export async function planLaunch(file: string, options: LaunchOptions): Promise<LaunchPlan> {
  return planRun(file, await loadRunModule(file), options);
}

/** As {@link planLaunch}, of a run that has been loaded. */
export async function planRun(
  file: string,
  { run: written, module }: LoadedRun,
  options: LaunchOptions,
): Promise<LaunchPlan> {
  if (options.force && !options.resume)
    throw new ConfigError('--force: expected a run to go on with, got none\nhint: --resume --force');
  const asked = [...(options.set ?? []), ...(options.steps === undefined ? [] : [`steps=${options.steps}`])];
  const found = options.resume ? await findRun(overrideRun(written, asked), options.out) : undefined;
  // What the run was launched with stays, unless it is given anew.
  const inherited = (found?.record.overrides ?? []).filter((one) => !namesFile(one));
  const overrides = [...inherited, ...asked];
  const run = overrideRun(written, overrides);
  const gpus = listGpus();
  const workers = options.workers ?? Math.min(run.shards, Math.max(1, gpus.length));
  if (workers > run.shards) {
    throw new ConfigError(
      `train: expected at most one worker per shard (${run.shards}), got ${workers} workers\nhint: --set shards=… changes the run, and its numbers`,
    );
  }
  const tls = await readHubTls(options);
  const resumed = found && (await checkResumed(run, found, { asked, force: options.force }));
  return {
    run,
    module,
    file,
    overrides,
    inherited,
    workers,
    gpus,
    cores: availableParallelism(),
    port: options.port ?? 0,
    bridge: options.bridge ?? 'auto',
    tls,
    bucketBytes: options.bucketBytes,
    memoryBytes: options.memory,
    dumpKernels: options.dumpKernels === undefined ? undefined : resolve(options.dumpKernels),
    trace: options.trace,
    share: options.share,
    out: options.out,
    resumed,
    force: options.force,
  };
}

async function findRun(run: Run, out: string | undefined): Promise<Omit<ResumedRun, 'checkpoint'>> {
  const root = out ?? (await latestRunDirectory(runsFolder, run.name));
  if (root === undefined)
    throw new ConfigError(`--resume: expected a run in ${join(runsFolder, run.name)}, got no such folder`);
  return { root, record: await readRunRecord(runPaths(root).record) };
}

/**
 * Whether a setting names what is read or loaded. A run folder may come from somebody else, so these are taken from the run
 * file and the command line only, never from a record.
 */
export function namesFile(override: string): boolean {
  const { path, text } = parseOverride(override);
  const [group, setting, ...inner] = path;
  if (group === 'from') return true;
  if (group !== 'data' || setting === 'validation' || setting === 'unknown') return false;
  return setting !== 'tokenizer' || (inner.length === 0 && !isOwnTokenizer(text));
}

/** Whether the value of `data.tokenizer` is one that Lockstep makes itself; any other text is a path. */
function isOwnTokenizer(text: string): boolean {
  const value = readJSON(text) ?? text;
  if (typeof value === 'object') return (value as { kind?: unknown }).kind === 'bpe';
  return value === 'characters' || value === 'bytes';
}

/** What decides numbers beside the parts of a run: where these are recorded, settings count as far as they change them. */
const ownSettings = ['batch', 'shards', 'wire', 'seed'];

async function checkResumed(
  run: Run,
  { root, record }: Omit<ResumedRun, 'checkpoint'>,
  { asked, force = false }: { readonly asked: readonly string[]; readonly force?: boolean | undefined },
): Promise<ResumedRun> {
  const isWithheld = record.overrides.some((one) => namesFile(one) && !asked.includes(one));
  const only = record.mathematics && [...ownSettings, ...(isWithheld ? ['data'] : [])];
  const change = force ? undefined : whatChanged(record.run, run, only);
  if (change) throw new ConfigError(changeRefused(change, { root, record }));
  requireUnlocked(root); // whoever trains it removes checkpoints while they would be read
  const checkpoint = await latestCheckpoint(runPaths(root).checkpoints, { run: hashesOf(run, record) });
  if (checkpoint && checkpoint.step >= run.steps) {
    throw new ConfigError(
      `--resume: expected a run with steps left, got ${root}, which has taken all ${run.steps}\nhint: --steps ${2 * run.steps} goes on`,
    );
  }
  return { root, record, checkpoint };
}

/** The ways out where a run would go on as another. */
export const forceHint = '--force goes on all the same; without --resume it is a new run';

/** The hint is the way to go on, where the change is a setting that a record cannot give. */
function changeRefused(change: string, { root, record }: Omit<ResumedRun, 'checkpoint'>): string {
  const withheld = change.startsWith('data.') ? record.overrides.filter(namesFile) : [];
  const byHand = shellCommand(withheld.flatMap((one) => ['--set', one]));
  const hint = withheld.length > 0 ? `if you trust that folder, give it by hand: ${byHand}` : forceHint;
  return `--resume: expected the run that ${root} was begun with, got a change of ${change}\nhint: ${hint}`;
}

/** The folder that paths and packages of a run file count from. */
export function folderOf(file: string): string {
  return dirname(resolve(file));
}

/** A path as somebody would type it here. */
export function shown(path: string): string {
  const near = relative('', path);
  return /^\.\.(?:[/\\]|$)/.test(near) ? path : near || '.';
}
