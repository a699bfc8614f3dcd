// `lockstep plan`: what a run would take of a device's memory, before any is taken.
import { openDevice } from '@lockstep/tensor/node';
import { ConfigError, openDataset, overrideRun, planMemory } from '@lockstep/trainer';
import { nodePlace } from '@lockstep/trainer/node';
import { adapterMemory } from '../job/adapter-memory.ts';
import { formatByteSize } from '../console/byte-size.ts';
import { rerunWithoutChatter } from '../launch/driver-chatter.ts';
import { loadRunModule } from '../load/load-run.ts';
import { folderOf } from '../launch/plan-launch.ts';
import { say } from '../console/say.ts';
import { count, plural } from '../console/wording.ts';

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
  const { run: written, module } = await loadRunModule(file);
  const run = overrideRun(written, options.set ?? []);
  if (workers > run.shards)
    throw new ConfigError(`plan: expected at most one worker per shard (${run.shards}), got ${workers} workers`);
  const dataset = await openDataset(run.data, nodePlace({ from: folderOf(file), code: module.sha256 }));
  const { facts } = dataset;
  const { inputs } = dataset.batches(run.model);
  dataset.close();
  const device = await openDevice();
  const { isCpu, description } = device.facts;
  const memory = await adapterMemory({ isCpu, workers, asked: options.memory });
  const plan = await planMemory(device, { run, facts, inputs, workers, bucketBytes, memoryBytes: memory.bytes });
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
