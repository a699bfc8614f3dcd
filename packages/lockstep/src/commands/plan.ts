// `lockstep plan`: what a run would take of a device's memory, before any is taken.
import { createModel } from '@lockstep/nn';
import { openDevice } from '@lockstep/tensor/node';
import { ConfigError, overrideRun, planMemory } from '@lockstep/trainer';
import { prepareText } from '@lockstep/trainer/node';
import { adapterMemory } from '../adapter-memory.ts';
import { formatByteSize } from '../byte-size.ts';
import { rerunWithoutChatter } from '../driver-chatter.ts';
import { loadRun } from '../load-run.ts';
import { folderOf } from '../plan-launch.ts';
import { say } from '../say.ts';
import { count, plural } from '../wording.ts';

export interface PlanOptions {
  readonly workers: number;
  readonly memory?: number;
  readonly set?: readonly string[];
  readonly bucketBytes?: number;
  readonly json?: boolean;
}

export async function planCommand(file: string, options: PlanOptions): Promise<void> {
  if (await rerunWithoutChatter()) return;
  const { workers, bucketBytes } = options;
  const run = overrideRun(await loadRun(file), options.set ?? []);
  if (workers > run.shards)
    throw new ConfigError(`plan: expected at most one worker per shard (${run.shards}), got ${workers} workers`);
  const dataset = await prepareText(run.data, { from: folderOf(file) });
  const model = createModel(run.model, { vocab: dataset.vocabSize });
  dataset.close();
  const device = await openDevice();
  const { isCpu, description } = device.facts;
  const memory = await adapterMemory({ isCpu, workers, asked: options.memory });
  const plan = await planMemory(device, { run, model, workers, bucketBytes, memoryBytes: memory.bytes });
  await device.close();
  if (options.json) return say(process.stdout, JSON.stringify({ ...plan, workers, memory }));
  const row = (name: string, bytes: number, note = ''): string =>
    `${name.padEnd(12)} ${formatByteSize(bytes).padStart(11)}  ${note}`.trimEnd();
  const passes = Math.ceil(plan.shards / plan.shardsPerPass);
  const fits = plan.all <= memory.bytes;
  say(
    process.stdout,
    [
      `${run.name} on ${description}, ${plural(workers, 'worker')}`,
      row('weights', plan.weights, `${count(plan.parameters)} parameters`),
      row('gradients', plan.gradients),
      row('optimizer', plan.optimizer, 'and what goes to other workers'),
      row('activations', plan.work, `of ${plural(plan.shardsPerPass, 'shard')} at a time, and partial sums`),
      row(
        'in all',
        plan.all,
        `each worker computes its ${plural(plan.shards, 'shard')} in ${passes === 1 ? '1 pass' : `${count(passes)} passes`}`,
      ),
      row('there are', memory.bytes, memory.source),
      ...(fits
        ? []
        : [
            'hint: --set shards=… with more shards makes a pass smaller, --set batch=… a step; more workers share the shards',
          ]),
    ].join('\n'),
  );
  if (!fits) process.exitCode = 1;
}
