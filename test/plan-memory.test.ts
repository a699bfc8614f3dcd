// What `lockstep plan` says is what a run then takes.
import { createGroup, memoryBridge } from '@lockstep/collectives';
import { adamW, characters, createModel, gpt } from '@lockstep/nn';
import { openDevice } from '@lockstep/tensor/node';
import { constant, defineRun, planMemory, Replica, text, textFromString } from '@lockstep/trainer';
import { expect, test } from 'vitest';
import { device } from './gpu.ts';

const words = 'It was the best of times, it was the worst of times. '.repeat(40);
const dataset = await textFromString(words, { tokenizer: characters(words), validation: 0.1 });
const context = 16;

test.each([
  ['f32', 1, false, undefined],
  ['bf16', 2, false, undefined],
  ['int8', 3, true, undefined],
  ['f32', 1, false, 1400],
] as const)('over %s, %i workers, sharded: %s, with %s KiB', async (wire, workers, shard, memory) => {
  const run = defineRun({
    name: 'planned',
    model: gpt({ layers: 2, heads: 2, width: 48, context }),
    data: text('unused.txt', { tokenizer: 'characters' }),
    optimizer: adamW({ shard }),
    schedule: constant({ peak: 1e-3 }),
    batch: 16,
    steps: 1,
    wire,
  });
  const model = createModel(run.model, { vocab: dataset.vocabSize });
  const memoryBytes = memory && 1024 * memory;
  const plan = await planMemory(device, { run, model, workers, memoryBytes });
  if (memoryBytes) expect(plan.shardsPerPass).toBeLessThan(plan.shards);

  const devices = await Promise.all(Array.from({ length: workers }, () => openDevice()));
  const replicas = await Promise.all(
    memoryBridge(workers).transports.map((transport, rank) =>
      Replica.create({
        device: devices[rank]!,
        group: createGroup(transport, { shards: run.shards }),
        model,
        optimizer: run.optimizer,
        shape: { batch: run.batch, context, shards: run.shards },
        seed: run.seed,
        wire,
        memoryBytes,
      }),
    ),
  );
  await Promise.all(
    replicas.map((replica) =>
      replica.step({
        step: 0,
        seed: 1,
        learningRate: 1e-3,
        stop: false,
        batch: ({ lo, hi }) =>
          dataset.batch({ step: 0, seed: 1, shard: lo, count: hi - lo, shards: run.shards, batchSize: 16, context }),
      }),
    ),
  );
  const used = Math.max(...devices.map((one) => one.stats.bytes));
  expect(Math.abs(plan.all - used) / used).toBeLessThan(0.05);
  await Promise.all(devices.map((one) => one.close()));
});
