// What `lockstep train` says before and after: lines of text, from facts.
import type { BridgeChoice } from './choose-bridge.ts';
import { readdirSync } from 'node:fs';
import { highestRate, type Run } from '@lockstep/trainer';
import type { RunPaths } from '@lockstep/trainer/node';
import pc from 'picocolors';
import type { RunResult } from './messages.ts';
import { type LaunchPlan, shown } from './plan-launch.ts';
import { printable, printableLine } from './printable.ts';
import { programWords } from './program-words.ts';
import { pathWord, shellCommand } from './shell-words.ts';
import { count, duration, loss, plural } from './wording.ts';

/** What the text and the model amount to. */
export interface RunFacts {
  readonly parameters: number;
  readonly vocab: number;
  readonly trainTokens: number;
  readonly validationTokens: number;
  /** A prompt that the model's tokenizer has tokens for: the one of the samples, if it has. */
  readonly prompt: string;
}

const line = (label: string, text: string): string => `${pc.dim(label.padEnd(8))} ${printableLine(text)}`;

export function planLines({ run, workers, resumed, inherited }: LaunchPlan, facts: RunFacts, root: string): string[] {
  const { model, data, batch, shards, steps, schedule, optimizer } = run;
  const kv = 'kvHeads' in model && model.kvHeads !== undefined ? ` (${model.kvHeads} for keys and values)` : '';
  return [
    pc.bold(run.name),
    line(
      'model',
      `${model.architecture} · ${plural(model.layers, 'layer')} · ${plural(model.heads, 'head')}${kv} · width ${model.width} · context ${model.context} · ${plural(facts.parameters, 'parameter')}`,
    ),
    line(
      'data',
      `${data.source} · ${plural(facts.trainTokens, 'token')} to train on, ${count(facts.validationTokens)} to validate · vocabulary of ${count(facts.vocab)}`,
    ),
    line(
      'run',
      `${plural(steps, 'step')} of ${plural(batch, 'sequence')} in ${plural(shards, 'shard')} · ${optimizer.kind}, ${schedule.kind} from ${schedule.peak} · ${plural(workers, 'worker')}`,
    ),
    line('folder', shown(root) + (resumed ? `, from step ${resumed.checkpoint?.step ?? 0}` : '')),
    ...(inherited.length > 0
      ? [line('settings', `${inherited.map((one) => shellCommand([one])).join(' ')}, from the folder’s record`)]
      : []),
    ...warmUpLines(run),
  ];
}

/** Says so where a run ends before its learning rate has reached the peak. */
function warmUpLines({ schedule, steps }: Run): string[] {
  const { peak, warmupSteps } = schedule;
  if (steps >= warmupSteps) return [];
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
  readonly prompt: string;
  readonly ms: number;
  readonly tokensPerSecond: number;
}

/** How a run ended and what it left. */
export function endLines(result: RunResult, ending: Ending): string[] {
  const { run, paths, ms, tokensPerSecond } = ending;
  const { steps, stopped, validationLoss, weightsSha256 } = result;
  const figures = `loss ${loss(result.loss)} · validation ${loss(validationLoss)} · ${count(tokensPerSecond)} tokens/s · ${duration(ms)}`;
  return [
    stopped
      ? pc.yellow(`■ stopped after step ${steps} of ${run.steps} · ${figures}`)
      : pc.green(`✓ ${plural(steps, 'step')} · ${figures}`),
    line('weights', `sha256 ${weightsSha256}`),
    line('written', `${shown(paths.root)}: ${contents(paths.root).join(' ')}`),
    ...(stopped ? resumeLines({ ...ending, step: steps }) : [tryLine(ending)]),
  ];
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
function tryLine({ paths: { root }, prompt }: Pick<Ending, 'paths' | 'prompt'>): string {
  const [begin = ''] = prompt.split('\n').filter((one) => one !== '');
  const prompted = begin === '' ? [] : ['--prompt', Array.from(begin).slice(0, promptLength).join('')];
  return line('try', shellCommand([...programWords(), 'generate', pathWord(shown(root)), ...prompted]));
}

function contents(root: string): string[] {
  const entries = readdirSync(root, { withFileTypes: true }).filter(({ name }) => name !== 'lock');
  return entries.map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name)).toSorted();
}
