// What `lockstep train` says before and after: lines of text, from facts.
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

/** A sample, set off from the figures around it. */
export function sampleLines(step: number, text: string): string {
  const body = printable(text).trim().split('\n');
  return [pc.dim(`after step ${step} it writes:`), ...body.map((one) => `  ${pc.cyan(one)}`), ''].join('\n');
}

/** How a run ended and what it left. */
export function endLines(
  result: RunResult,
  {
    run,
    paths,
    ms,
    tokensPerSecond,
    file,
  }: { run: Run; paths: RunPaths; ms: number; tokensPerSecond: number; file: string },
): string[] {
  const { steps, stopped, validationLoss, weightsSha256 } = result;
  const root = shown(paths.root);
  const figures = `loss ${loss(result.loss)} · validation ${loss(validationLoss)} · ${count(tokensPerSecond)} tokens/s · ${duration(ms)}`;
  const written = `${root}: ${stopped ? '' : 'model/ '}checkpoints/ loss.svg metrics.jsonl samples.txt run.json`;
  const next = stopped
    ? `npx lockstep train ${file} --resume --out ${root}`
    : `npx lockstep generate ${root} --prompt ${JSON.stringify(run.sample.prompt)}`;
  return [
    stopped
      ? pc.yellow(`■ stopped after step ${steps} of ${run.steps} · ${figures}`)
      : pc.green(`✓ ${plural(steps, 'step')} · ${figures}`),
    line('weights', `sha256 ${weightsSha256}`),
    line('written', written),
    line(stopped ? 'resume' : 'try', next),
  ];
}
