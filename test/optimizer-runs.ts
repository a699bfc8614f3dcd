// Runs of a tiny model on workers that share a process, to compare what optimizers leave behind.
import { createGroup, memoryBridge } from '@lockstep/collectives';
import { characters, gpt, type OptimizerValue } from '@lockstep/nn';
import type { Device } from '@lockstep/tensor';
import { openDevice } from '@lockstep/tensor/node';
import { type BatchSource, Replica, textFromString, weightsSha256 } from '@lockstep/trainer';
import { afterAll, expect } from 'vitest';

const text = 'It was the best of times, it was the worst of times. '.repeat(40);
const dataset = await textFromString(text, { tokenizer: characters(text), validation: 0.1 });
const context = 8;
const { inputs, batch } = dataset.batches({ context });
const shape = { batch: 8, shards: 8, inputs };
const model = gpt({ layers: 2, heads: 2, width: 48, context });
const seed = 7;
/** Small, so that there are several: a matrix alone is more. */
const bucketBytes = 16 * 2 ** 10;

const devices: Device[] = await Promise.all(Array.from({ length: 4 }, () => openDevice()));
afterAll(() => Promise.all(devices.map((device) => device.close())));

const batchOf =
  (step: number): BatchSource =>
  ({ lo, hi }) =>
    batch({ step, seed, shard: lo, count: hi - lo, shards: shape.shards, batchSize: shape.batch });

export async function replicas(workers: number, optimizer: OptimizerValue): Promise<Replica[]> {
  return Promise.all(
    memoryBridge(workers).transports.map((transport, rank) => {
      const group = createGroup(transport, { shards: shape.shards });
      const device = devices[rank]!;
      return Replica.create({ device, group, model, facts: dataset.facts, optimizer, shape, seed, bucketBytes });
    }),
  );
}

export async function takeSteps(workers: readonly Replica[], from: number, to: number): Promise<void> {
  for (let step = from; step < to; step++) {
    const options = { step, seed, learningRate: 1e-2, batch: batchOf(step), stop: false };
    await Promise.all(workers.map((worker) => worker.step(options)));
  }
}

/** A loss of the weights to use, which must be the same on all workers. */
export async function evaluate(workers: readonly Replica[]): Promise<number> {
  const found = await Promise.all(workers.map((worker) => worker.evaluate([batchOf(100)])));
  expect(new Set(found.map((one) => one!.loss)).size).toBe(1);
  return found[0]!.loss;
}

/** All that workers say of a state, which must be the same on each: hashes of weights and memory, and a loss of the weights to use. */
export async function fingerprint(workers: readonly Replica[], step: number): Promise<string> {
  const loss = await evaluate(workers);
  const found = await Promise.all(
    workers.map(async (worker) => {
      const { weights, optimizer, used } = await worker.state(step);
      const hashes = await Promise.all([weights, ...optimizer.values(), ...(used ? [used] : [])].map(weightsSha256));
      return [loss, [...optimizer.keys()], hashes].join();
    }),
  );
  expect(new Set(found).size).toBe(1);
  return found[0]!;
}

/** What a run of three steps leaves behind. */
export async function trained(workers: number, optimizer: OptimizerValue): Promise<string> {
  const all = await replicas(workers, optimizer);
  await takeSteps(all, 0, 3);
  return fingerprint(all, 3);
}
