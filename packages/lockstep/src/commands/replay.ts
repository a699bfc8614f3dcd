// `lockstep replay`: a gradient of a past step, computed again from the checkpoint before it, as a file of tensors.
import { dirname, resolve } from 'node:path';
import { saveSafetensors } from '@lockstep/nn/node';
import { openDevice } from '@lockstep/tensor/node';
import {
  ConfigError,
  normsOf,
  openDataset,
  overrideRun,
  replay,
  requireReplayable,
  type ReplayedGradient,
} from '@lockstep/trainer';
import {
  hashesOf,
  listCheckpoints,
  loadCheckpoint,
  nodePlace,
  readCurves,
  readRunRecord,
  runPaths,
  type RunPaths,
  type RunRecord,
  whatChanged,
} from '@lockstep/trainer/node';
import { adapterMemory } from '../job/adapter-memory.ts';
import { rerunWithoutChatter } from '../launch/driver-chatter.ts';
import { recordedRun } from '../load/recorded-run.ts';
import { type LoadedRun, loadRunModule } from '../load/load-run.ts';
import { namesFile, shown } from '../launch/plan-launch.ts';
import { printableLine } from '../console/printable.ts';
import { requireSameData, requireSameMathematics, startingWeightsOf } from '../launch/read-facts.ts';
import { say } from '../console/say.ts';
import { plural } from '../console/wording.ts';

export interface ReplayCommandOptions {
  readonly step: number;
  /** The whole batch unless given. */
  readonly shard?: number;
  /** The run file, where its module is not kept here. */
  readonly run?: string;
  readonly set?: readonly string[];
  readonly out?: string;
  readonly memory?: number;
}

export async function replayCommand(folder: string, options: ReplayCommandOptions): Promise<void> {
  if (await rerunWithoutChatter()) return;
  const { step, shard } = options;
  const paths = runPaths(folder);
  const record = await readRunRecord(paths.record);
  const loaded = await loadRecorded(folder, record, options);
  const gradient = await replayed(loaded, { folder, paths, record }, options);
  const of = shard === undefined ? `step ${step}` : `step ${step}, shard ${shard}`;
  const out = options.out ?? `${loaded.run.name}-${of.replaceAll(/, | /g, '-')}.safetensors`;
  await saveSafetensors(out, gradient.gradients, {
    run: loaded.run.name,
    step: String(step),
    shard: String(shard ?? 'all'),
  });
  say(
    process.stdout,
    [...gradientLines(of, gradient), `written  ${shown(resolve(out))}`].map(printableLine).join('\n'),
  );
}

/** The run as it was trained. @throws {ConfigError} where its code is not to be had, or is not what was trained with. */
async function loadRecorded(folder: string, record: RunRecord, options: ReplayCommandOptions): Promise<LoadedRun> {
  const { run: file, set = [] } = options;
  const loaded = file === undefined ? await recordedRun(record) : await loadRunModule(file);
  if (!loaded)
    throw new ConfigError(
      `replay: expected the code of ${folder}, whose module is not among those that you have trained with here\nhint: --run names the run file`,
    );
  // A record may come from somebody else: files that it names are read only where they are given by hand.
  const run = overrideRun(loaded.run, [...record.overrides.filter((one) => !namesFile(one)), ...set]);
  const change = whatChanged(record.run, run);
  if (change)
    throw new ConfigError(
      `replay: expected the run that ${folder} was trained as, got a change of ${change}\nhint: --set gives what the record cannot, --run another file`,
    );
  requireReplayable(run, options);
  return { ...loaded, run };
}

async function replayed(
  { run, module }: LoadedRun,
  { folder, paths, record }: { folder: string; paths: RunPaths; record: RunRecord },
  { step, shard, memory: asked }: ReplayCommandOptions,
): Promise<ReplayedGradient> {
  const before = (await listCheckpoints(paths.checkpoints)).filter((checkpoint) => checkpoint.step < step).at(-1);
  const start = before && (await loadCheckpoint(before.path, { run: hashesOf(run, record) }));
  const from = dirname(module.file);
  const dataset = await openDataset(run.data, nodePlace({ from, sha256: record.data, code: module.sha256 }));
  requireSameData('replay', dataset, record.data);
  await requireSameMathematics('replay', run, { dataset, record, folder });
  const weights = start ? undefined : await startingWeightsOf(run, { from, facts: dataset.facts });
  const device = await openDevice();
  const { isCpu, description } = device.facts;
  say(
    process.stdout,
    printableLine(
      `from     ${before ? `the checkpoint after step ${before.step}` : 'the beginning'}, on ${description}`,
    ),
  );
  const log = await Logged.read(paths, { isSameAdapter: record.launches.at(-1)?.adapter === description });
  const { bytes: memoryBytes } = await adapterMemory({ isCpu, workers: 1, asked });
  const options = { device, dataset, start, weights: weights?.weights, memoryBytes, step, shard };
  try {
    const gradient = await replay(run, { ...options, onStep: (taken) => log.compare(taken) });
    if (shard === undefined) log.compare({ step, loss: gradient.loss });
    return gradient;
  } finally {
    for (const line of log.lines) say(process.stdout, printableLine(line));
    dataset.close();
    await device.close();
  }
}

/** The losses that were logged when the run was trained: steps that are taken again must have them. */
class Logged {
  readonly #losses: ReadonlyMap<number, number>;
  readonly #isSameAdapter: boolean;
  #compared = 0;
  #other: string | undefined;

  static async read({ metrics }: RunPaths, { isSameAdapter }: { isSameAdapter: boolean }): Promise<Logged> {
    const { loss } = await readCurves(metrics);
    return new Logged(new Map(loss.train.map(({ step, value }) => [step, value])), isSameAdapter);
  }

  private constructor(losses: ReadonlyMap<number, number>, isSameAdapter: boolean) {
    this.#losses = losses;
    this.#isSameAdapter = isSameAdapter;
  }

  /** @throws {Error} for another loss than an adapter like this gave then. */
  compare({ step, loss }: { readonly step: number; readonly loss: number }): void {
    const logged = this.#losses.get(step);
    if (logged === undefined) return;
    this.#compared++;
    if (logged === loss) return;
    this.#other ??= `step ${step} has a loss of ${loss}, ${logged} then`;
    if (this.#isSameAdapter)
      throw new Error(`replay: expected the losses that were logged, got others: ${this.#other}`);
  }

  get lines(): string[] {
    if (this.#compared === 0) return [];
    if (this.#other !== undefined) return [`note: another adapter gives other bits: ${this.#other}`];
    return [`checked  ${plural(this.#compared, 'step')} taken again: the losses are those that were logged`];
  }
}

/** Parameters with the largest gradients. */
const most = 5;

function gradientLines(of: string, { loss, gradients }: ReplayedGradient): string[] {
  const { parameters } = normsOf(gradients, new Map());
  const norms = Object.entries(parameters).map(([name, { weight: norm }]): [string, number] => [name, norm]);
  const whole = Math.sqrt(norms.reduce((sum, [, norm]) => sum + norm * norm, 0));
  const largest = norms.toSorted(([, a], [, b]) => b - a).slice(0, most);
  return [
    `gradient of ${of}: norm ${whole.toPrecision(4)}, loss ${loss.toPrecision(5)}`,
    ...largest.map(([name, norm]) => `         ${norm.toPrecision(4).padEnd(10)} ${name}`),
  ];
}
