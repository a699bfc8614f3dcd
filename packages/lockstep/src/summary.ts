// What `lockstep train` says before and after: lines of text, from facts.
import type { BridgeChoice } from './choose-bridge.ts';
import { readdirSync } from 'node:fs';
import type { Run } from '@lockstep/trainer';
import type { RunPaths } from '@lockstep/trainer/node';
import pc from 'picocolors';
import type { RunResult } from './messages.ts';
import { type LaunchPlan, shown } from './plan-launch.ts';
import { count, duration, loss, plural, printable } from './wording.ts';

/** What the text and the model amount to. */
export interface RunFacts {
  readonly parameters: number;
  readonly vocab: number;
  readonly trainTokens: number;
  readonly validationTokens: number;
}

const line = (label: string, text: string): string => `${pc.dim(label.padEnd(8))} ${text}`;

export function planLines({ run, workers, resumed }: LaunchPlan, facts: RunFacts, root: string): string[] {
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
  readonly ms: number;
  readonly tokensPerSecond: number;
}

/** How a run ended and what it left. */
export function endLines(result: RunResult, { run, file, paths, workers, ms, tokensPerSecond }: Ending): string[] {
  const { steps, stopped, validationLoss, weightsSha256 } = result;
  const figures = `loss ${loss(result.loss)} · validation ${loss(validationLoss)} · ${count(tokensPerSecond)} tokens/s · ${duration(ms)}`;
  return [
    stopped
      ? pc.yellow(`■ stopped after step ${steps} of ${run.steps} · ${figures}`)
      : pc.green(`✓ ${plural(steps, 'step')} · ${figures}`),
    line('weights', `sha256 ${weightsSha256}`),
    line('written', `${shown(paths.root)}: ${contents(paths.root).join(' ')}`),
    stopped ? resumeLine({ file, paths, workers, step: steps }) : tryLine(run, paths),
  ];
}

/** How a run goes on that has ended early. */
export function resumeLine({
  file,
  paths,
  workers,
  step,
}: Pick<Ending, 'file' | 'paths' | 'workers'> & { step: number }): string {
  const several = workers > 1 ? ` --workers ${workers}` : '';
  return line(
    'resume',
    `npx lockstep train ${file} --resume --out ${shown(paths.root)}${several}  ${pc.dim(`from step ${step}`)}`,
  );
}

/** The prompt of the samples, where a shell takes it as it is. */
function tryLine({ sample: { prompt } }: Run, { root }: RunPaths): string {
  const isPlain = /^[\w .,;:?-]+$/.test(prompt);
  return line('try', `npx lockstep generate ${shown(root)}${isPlain ? ` --prompt "${prompt}"` : ''}`);
}

function contents(root: string): string[] {
  const entries = readdirSync(root, { withFileTypes: true }).filter(({ name }) => name !== 'lock');
  return entries.map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name)).toSorted();
}
