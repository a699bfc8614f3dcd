// What `lockstep plan` says is what a run then takes.
import { createGroup, memoryBridge } from '@lockstep/collectives';
import { adamW, characters, createModel, gpt, llama, Parameters } from '@lockstep/nn';
import { crossEntropy, differentiate, Random, type Tensor } from '@lockstep/tensor';
import { openDevice } from '@lockstep/tensor/node';
import { constant, defineRun, planMemory, Replica, text, textFromString } from '@lockstep/trainer';
import { expect, test } from 'vitest';
import { device } from './gpu.ts';

const words = 'It was the best of times, it was the worst of times. '.repeat(40);
const dataset = await textFromString(words, { tokenizer: characters(words), validation: 0.1 });
const context = 16;
const { facts } = dataset;
const { inputs, batch: rowsOf } = dataset.batches({ context });

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
  const memoryBytes = memory && 1024 * memory;
  const plan = await planMemory(device, { run, facts, inputs, workers, memoryBytes });
  if (memoryBytes) expect(plan.shardsPerPass).toBeLessThan(plan.shards);

  const devices = await Promise.all(Array.from({ length: workers }, () => openDevice()));
  const replicas = await Promise.all(
    memoryBridge(workers).transports.map((transport, rank) =>
      Replica.create({
        device: devices[rank]!,
        group: createGroup(transport, { shards: run.shards }),
        model: run.model,
        facts,
        optimizer: run.optimizer,
        shape: { batch: run.batch, shards: run.shards, inputs },
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
          rowsOf({ step: 0, seed: 1, shard: lo, count: hi - lo, shards: run.shards, batchSize: 16 }),
      }),
    ),
  );
  const used = Math.max(...devices.map((one) => one.stats.bytes));
  expect(Math.abs(plan.all - used) / used).toBeLessThan(0.05);
  await Promise.all(devices.map((one) => one.close()));
});

test.each([
  ['GPT-2', gpt],
  ['Llama', llama],
] as const)(
  'a %s that computes activations again has the same gradients in less memory',
  async (_name, architecture) => {
    const sizes = { layers: 6, heads: 2, width: 48, context: 64, vocab: 50 };
    const gradientsOf = async (
      checkpoint: boolean,
    ): Promise<{ bytes: number; gradients: Float32Array; loss: number }> => {
      const on = await openDevice();
      const model = createModel(architecture({ ...sizes, checkpoint }));
      const parameters = new Parameters(on, model);
      parameters.initialize(3);
      const ids = (of: (i: number) => number): Tensor =>
        on.tensor(
          Uint32Array.from({ length: 8 * 64 }, (_, i) => of(i)),
          [8, 64],
        );
      const random = new Random({ counters: on.tensor(new Uint32Array(4)) });
      const given = { tokens: ids((i) => (7 * i) % 50), positions: ids((i) => i % 64), random };
      const targets = ids((i) => (11 * i) % 50);
      const program = await on.capture(() => differentiate(on, () => crossEntropy(model.logits(given), targets)));
      await on.submit([program]);
      const [gradients, loss] = await on.read([parameters.gradients, program.result as Tensor]);
      const { bytes } = on.stats;
      await on.close();
      return { bytes, gradients: gradients as Float32Array, loss: loss![0]! };
    };
    const [kept, again] = [await gradientsOf(false), await gradientsOf(true)];
    expect(again.loss).toBe(kept.loss);
    expect(again.gradients).toEqual(kept.gradients);
    expect(again.bytes).toBeLessThan(0.7 * kept.bytes);
  },
);
