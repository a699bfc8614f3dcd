// What `lockstep train` says before and after: lines of text, from facts.
import type { BridgeChoice } from '../job/choose-bridge.ts';
import { readdirSync } from 'node:fs';
import {
  type Dataset,
  type Evaluation,
  highestRate,
  type Mathematics,
  type Run,
  type SampledRows,
} from '@lockstep/trainer';
import type { PreparedData, RunPaths } from '@lockstep/trainer/node';
import pc from 'picocolors';
import { describeParts, describeValue } from './describe-value.ts';
import type { TrainJob, RunResult } from '../hub/train-reports.ts';
import { type LaunchPlan, shown } from '../launch/plan-launch.ts';
import { printable, printableLine } from './printable.ts';
import { programWords } from './program-words.ts';
import { pathWord, shellCommand } from './shell-words.ts';
import { count, duration, loss, plural } from './wording.ts';

/** What the text and the model amount to. */
export interface RunFacts {
  readonly parameters: number;
  /** The size of the vocabulary, where the data is text. */
  readonly vocab: number | undefined;
  readonly sizes: Dataset['sizes'];
  readonly unit: 'tokens' | 'rows';
  /** The data, as it was prepared. */
  readonly data: PreparedData;
  /** Some of its rows. */
  readonly rows: SampledRows;
  /** What the run computes. */
  readonly mathematics: Mathematics;
  /** What there is to say of it where a run goes on. */
  readonly compared?: string | undefined;
  /** What the weights begin with, where that is not the seed. */
  readonly weights?: TrainJob['weights'];
  /** A prompt, where the data is a text, that its tokenizer has tokens for: the one of the samples, if it has. */
  readonly prompt: string | undefined;
}

const line = (label: string, text: string): string => `${pc.dim(label.padEnd(8))} ${printableLine(text)}`;

export function planLines({ run, workers, resumed, inherited }: LaunchPlan, facts: RunFacts, root: string): string[] {
  const { model, data, batch, shards, steps, schedule, optimizer } = run;
  const { sizes, vocab } = facts;
  const noun = sizes.unit === 'tokens' ? 'token' : 'row';
  const { source = data.kind } = data as { readonly source?: string };
  const rows = facts.unit === 'tokens' ? 'sequence' : 'row';
  return [
    pc.bold(run.name),
    line('model', `${describeValue(model)} · ${plural(facts.parameters, 'parameter')}`),
    line(
      'data',
      `${source} · ${plural(sizes.training, noun)} to train on, ${count(sizes.validation)} to validate${vocab === undefined ? '' : ` · vocabulary of ${count(vocab)}`}`,
    ),
    line(
      'run',
      `${plural(steps, 'step')} of ${plural(batch, rows)} in ${plural(shards, 'shard')} · ${describeParts(optimizer)}, ${describeValue(schedule, { most: 2 })} · ${plural(workers, 'worker')}`,
    ),
    line('folder', shown(root) + (resumed ? `, from step ${resumed.checkpoint?.step ?? 0}` : '')),
    ...(inherited.length > 0
      ? [line('settings', `${inherited.map((one) => shellCommand([one])).join(' ')}, from the folder’s record`)]
      : []),
    ...warmUpLines(run),
    ...(facts.compared === undefined ? [] : [facts.compared]),
  ];
}

/** Says so where a run ends before its learning rate has reached the peak. */
function warmUpLines({ schedule, steps }: Run): string[] {
  const { peak, warmupSteps } = schedule as { readonly peak?: unknown; readonly warmupSteps?: unknown };
  if (typeof warmupSteps !== 'number' || typeof peak !== 'number' || steps >= warmupSteps) return [];
  const highest = Number(highestRate(schedule, steps).toPrecision(3));
  return [
    `note: the learning rate rises to ${highest} at most, not to its peak of ${peak}: ${plural(steps, 'step')} end within the warm-up of ${warmupSteps}; --set schedule.warmupSteps=${Math.floor(steps / 8)} would do`,
  ];
}

export function adapterLine(adapter: string, families: Readonly<Record<string, string>>): string {
  const kernels = Object.entries(families).map(([kind, family]) => `${kind} ${family}`);
  return line('adapter', `${adapter} · kernels: ${kernels.join(', ')}`);
}

/** How workers talk to each other, and why so. */
export function bridgeLine({ bridge, reason }: BridgeChoice): string {
  const name = { ws: 'WebSocket', ucx: 'UCX' }[bridge];
  return line('bridge', `${name} · ${reason}`);
}

/** A sample, set off from the figures around it. */
export function sampleLines(step: number, text: string): string {
  const body = printable(text).trim().split('\n');
  return [pc.dim(`after step ${step} it writes:`), ...body.map((one) => `  ${pc.cyan(one)}`), ''].join('\n');
}

/** What a launch was about, for the lines at its end. */
interface Ending {
  readonly run: Run;
  /** The run file. */
  readonly file: string;
  readonly paths: RunPaths;
  readonly workers: number;
  /** The settings of this launch that a resumed one does not take from the folder. */
  readonly ungiven: readonly string[];
  readonly prompt: string | undefined;
  readonly unit: RunFacts['unit'];
  readonly asExpected: boolean | undefined;
  readonly ms: number;
  readonly tokensPerSecond: number;
}

/** How a run ended and what it left. */
export function endLines(result: RunResult, ending: Ending): string[] {
  const { run, paths, unit, ms, tokensPerSecond } = ending;
  const { steps, stopped, validation, weightsSha256 } = result;
  const figures = `loss ${loss(result.loss)} · validation ${validationWords(validation)} · ${count(tokensPerSecond)} ${unit}/s · ${duration(ms)}`;
  return [
    stopped
      ? pc.yellow(`■ stopped after step ${steps} of ${run.steps} · ${figures}`)
      : pc.green(`✓ ${plural(steps, 'step')} · ${figures}`),
    line('weights', `sha256 ${weightsSha256}`),
    ...(result.ended === undefined ? [] : [line('ended', result.ended)]),
    ...expectLines(ending),
    line('written', `${shown(paths.root)}: ${contents(paths.root).join(' ')}`),
    ...(stopped ? resumeLines({ ...ending, step: steps }) : tryLines(ending)),
  ];
}

function expectLines({ run, asExpected }: Pick<Ending, 'run' | 'asExpected'>): string[] {
  if (!run.expect) return [];
  if (asExpected === undefined) return [line('expect', 'not asked: the run was stopped, or other settings were set')];
  return [line('expect', asExpected ? 'as the run expects of itself' : 'not what the run expects of itself')];
}

/** The loss of a validation, and the metrics beside it. */
export function validationWords(validation: Evaluation | undefined): string {
  const metrics = Object.entries(validation?.metrics ?? {}).map(([name, value]) => `, ${name} ${loss(value)}`);
  return `${loss(validation?.loss)}${metrics.join('')}`;
}

/** What there is of a run that has ended early, and the command with which it goes on, to be pasted. */
export function resumeLines({
  file,
  paths,
  workers,
  ungiven,
  step,
}: Pick<Ending, 'file' | 'paths' | 'workers' | 'ungiven'> & { step: number }): string[] {
  const where = ['--resume', '--out', pathWord(shown(paths.root))];
  const settings = ungiven.flatMap((setting) => ['--set', setting]);
  const several = workers > 1 ? ['--workers', String(workers)] : [];
  const command = [...programWords(), 'train', pathWord(file), ...where, ...settings, ...several];
  return [line('saved', `the state after step ${step}`), line('resume', shellCommand(command))];
}

/** The longest prompt that is shown, in characters. */
const promptLength = 60;

/** The command that writes with the model, to be pasted: with the first line of the samples' prompt, where it has one. */
function tryLines({ run, paths: { root }, prompt }: Pick<Ending, 'run' | 'paths' | 'prompt'>): string[] {
  if (prompt === undefined || run.sample.every === 0) return [];
  const [begin = ''] = prompt.split('\n').filter((one) => one !== '');
  const prompted = begin === '' ? [] : ['--prompt', Array.from(begin).slice(0, promptLength).join('')];
  return [line('try', shellCommand([...programWords(), 'generate', pathWord(shown(root)), ...prompted]))];
}

function contents(root: string): string[] {
  const entries = readdirSync(root, { withFileTypes: true }).filter(({ name }) => name !== 'lock');
  return entries.map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name)).toSorted();
}
