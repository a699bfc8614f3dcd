// What is to be launched, worked out from the command line before anything is started or written.
import { availableParallelism } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { ConfigError, overrideRun, parseOverride, readJSON, type Run } from '@lockstep/trainer';
import {
  type CheckpointPlace,
  latestCheckpoint,
  latestRunDirectory,
  readRunRecord,
  requireUnlocked,
  runHash,
  runPaths,
  type RunRecord,
  type Share,
  whatChanged,
} from '@lockstep/trainer/node';
import type { BridgeWish } from './choose-bridge.ts';
import { listGpus } from './gpus.ts';
import { type HubTls, readHubTls } from './hub/tls.ts';
import { loadRun } from './load-run.ts';
import { shellCommand } from './shell-words.ts';

/** The options of `lockstep train`. */
export interface LaunchOptions {
  readonly workers?: number;
  readonly steps?: number;
  readonly resume?: boolean;
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
  /** The run file, as it was given. */
  readonly file: string;
  /** All settings over the file's. */
  readonly overrides: readonly string[];
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
  const written = await loadRun(file);
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
  const resumed = found && (await checkResumed(run, found));
  return {
    run,
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
  if (group !== 'data' || setting === 'validation' || setting === 'unknown') return false;
  return setting !== 'tokenizer' || (inner.length === 0 && !isOwnTokenizer(text));
}

/** Whether the value of `data.tokenizer` is one that Lockstep makes itself; any other text is a path. */
function isOwnTokenizer(text: string): boolean {
  const value = readJSON(text) ?? text;
  if (typeof value === 'object') return (value as { kind?: unknown }).kind === 'bpe';
  return value === 'characters' || value === 'bytes';
}

async function checkResumed(run: Run, { root, record }: Omit<ResumedRun, 'checkpoint'>): Promise<ResumedRun> {
  const change = whatChanged(record.run, run);
  if (change) throw new ConfigError(changeRefused(change, { root, record }));
  requireUnlocked(root); // whoever trains it removes checkpoints while they would be read
  const checkpoint = await latestCheckpoint(runPaths(root).checkpoints, { run: runHash(run) });
  if (checkpoint && checkpoint.step >= run.steps) {
    throw new ConfigError(
      `--resume: expected a run with steps left, got ${root}, which has taken all ${run.steps}\nhint: --steps ${2 * run.steps} goes on`,
    );
  }
  return { root, record, checkpoint };
}

/** The hint is the way to go on, where the change is a setting that a record cannot give. */
function changeRefused(change: string, { root, record }: Omit<ResumedRun, 'checkpoint'>): string {
  const withheld = change.startsWith('data.') ? record.overrides.filter(namesFile) : [];
  const byHand = shellCommand(withheld.flatMap((one) => ['--set', one]));
  const hint =
    withheld.length > 0 ? `if you trust that folder, give it by hand: ${byHand}` : 'without --resume it is a new run';
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
