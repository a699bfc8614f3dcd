// Numbers that have become none end a run: on all workers at the same step and with the same words, whoever's they were, and
// before anything is made of them.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createGroup, memoryBridge } from '@lockstep/collectives';
import { characters, gpt, sgd } from '@lockstep/nn';
import type { WireFormat } from '@lockstep/tensor';
import { openDevice } from '@lockstep/tensor/node';
import { Replica, textFromString } from '@lockstep/trainer';
import { afterAll, describe, expect, test } from 'vitest';
import { folder, start, tinyRun } from './cli.ts';

const text = 'It was the best of times, it was the worst of times. '.repeat(40);
const dataset = await textFromString(text, { tokenizer: characters(text), validation: 0.1 });
const context = 16;
const { inputs, batch } = dataset.batches({ context });
const shape = { batch: 4, shards: 4, inputs };
const { facts } = dataset;
const model = gpt({ layers: 1, heads: 1, width: 16, context });

const devices = await Promise.all(Array.from({ length: 3 }, () => openDevice()));
afterAll(() => Promise.all(devices.map((device) => device.close())));

interface Setting {
  readonly workers: number;
  readonly shard: boolean;
  readonly wire: WireFormat;
}

/** What becomes of a step on each worker: its result, or the message of its error. */
async function step(
  { workers, shard, wire }: Setting,
  { learningRate, damage }: { learningRate: number; damage?: (replica: Replica, rank: number) => void },
): Promise<string[]> {
  const replicas = await Promise.all(
    memoryBridge(workers).transports.map((transport, rank) => {
      const group = createGroup(transport, { shards: shape.shards });
      const optimizer = sgd({ peak: 100, weightDecay: 10, shard });
      return Replica.create({ device: devices[rank]!, group, model, facts, optimizer, shape, seed: 7, wire });
    }),
  );
  for (const [rank, replica] of replicas.entries()) damage?.(replica, rank);
  const steps = replicas.map((replica) =>
    replica.step({
      step: 5,
      seed: 7,
      learningRate,
      stop: false,
      batch: ({ lo, hi }) => batch({ step: 5, seed: 7, shard: lo, count: hi - lo, shards: 4, batchSize: 4 }),
    }),
  );
  const ends = await Promise.allSettled(steps);
  return ends.map((end) => (end.status === 'fulfilled' ? 'a result' : (end.reason as Error).message.split('\n')[0]!));
}

/** Sets an element of a worker's copy of a parameter. */
const put = ({ parameters, device }: Replica, name: string, index: number, value: number): void =>
  device.view(parameters.weights, parameters.startOf(name) + index, [1]).write(Float32Array.of(value));

describe.each<Setting>([
  { workers: 1, shard: false, wire: 'f32' },
  { workers: 2, shard: false, wire: 'bf16' },
  { workers: 3, shard: true, wire: 'int8' },
])('with $workers workers over $wire, sharded: $shard, all say the same of', (setting) => {
  const everybody = (message: unknown): unknown[] => Array.from({ length: setting.workers }, () => message);

  test('a learning rate that f32 cannot hold', async () => {
    const message = 'train: expected a finite learning rate for step 6, got 1e+39';
    expect(await step(setting, { learningRate: 1e39 })).toEqual(everybody(message));
  });

  test('weights that an update makes infinite', async () => {
    const message = /^train: expected finite weights after step 6, got -?Infinity in transformer\.wte\.weight\[0\]$/;
    expect(await step(setting, { learningRate: 3e38 })).toEqual(everybody(expect.stringMatching(message)));
  });

  test('a loss that only one of them computes as NaN', async () => {
    const damage = (replica: Replica, rank: number): void => {
      if (rank === setting.workers - 1) put(replica, 'transformer.wpe.weight', 3, NaN);
    };
    const message = 'train: expected a finite loss in step 6, got NaN';
    expect(await step(setting, { learningRate: 1e-3, damage })).toEqual(everybody(message));
  });

  test('a gradient of finite numbers whose norm is not', async () => {
    const damage = (replica: Replica, rank: number): void => {
      if (rank === 0) put(replica, 'transformer.ln_f.weight', 0, 1e38);
    };
    const [first, ...others] = await step(setting, { learningRate: 1e-3, damage });
    expect(first).toMatch(
      /^train: expected a gradient whose norm f32 can hold in step 6, got Infinity; the largest element is -?\d\S+e\+37 in transformer\.h\.0\.mlp\.c_proj\.bias\[0\]$/,
    );
    expect(others).toEqual(others.map(() => first));
  });
});

test('a run that diverges stores nothing more, and says where it goes on', async () => {
  const out = join(folder(), 'run');
  const run = (...args: string[]): ReturnType<typeof start>['finished'] =>
    start(['train', ...args, '--out', out, '--workers', '2', '--set', 'validation.every=0']).finished;
  // Each step multiplies the weights by -99.
  const file = join(folder(), 'diverging.ts');
  writeFileSync(
    file,
    readFileSync(tinyRun, 'utf8')
      .replace('adamW()', 'sgd({ weightDecay: 1 })')
      .replace('adamW', 'sgd')
      .replace("'tides.txt'", JSON.stringify(join(dirname(tinyRun), 'tides.txt'))),
  );
  const { code, stderr, stdout } = await run(file, '--set', 'schedule.peak=100', '--steps', '30');
  expect(code).toBe(1);
  expect(`${stdout}${stderr}`).toMatch(/^error train: expected .* step 4, got (NaN|-?Infinity).*$/m);
  expect(`${stdout}${stderr}`).toMatch(/^saved .* after step 2\nresume .*--resume /m);
  expect(readdirSync(join(out, 'checkpoints'))).toEqual(['step-000002']);
  expect(readdirSync(out)).not.toContain('model');
  const metrics = readFileSync(join(out, 'metrics.jsonl'), 'utf8').trimEnd().split('\n');
  expect(metrics.map((line) => (JSON.parse(line) as { step: number }).step)).toEqual([1, 2, 3]);
});
