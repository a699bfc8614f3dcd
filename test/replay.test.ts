// What makes a small model fast, and keeps a long run alive: after the first, a step allocates nothing on the GPU, makes no
// bind group, and submits once; with several workers, once for each bucket of gradients and once for the update.
import { createGroup, memoryBridge } from '@lockstep/collectives';
import { adamW, characters, chain, clipByGlobalNorm, gpt, groups, muon, type OptimizerValue } from '@lockstep/nn';
import { openDevice } from '@lockstep/tensor/node';
import { type BatchSource, Replica, textFromString } from '@lockstep/trainer';
import { expect, test } from 'vitest';

const text = 'It was the best of times, it was the worst of times. '.repeat(40);
const dataset = await textFromString(text, { tokenizer: characters(text), validation: 0.1 });
const context = 16;
const { inputs, batch } = dataset.batches({ context });
const shape = { batch: 8, shards: 8, inputs };
const model = gpt({ layers: 1, heads: 2, width: 16, context });

interface Setting {
  readonly workers: number;
  readonly bucketBytes: number;
  readonly buckets: number;
  readonly sharded?: boolean;
  readonly make?: (shard: boolean) => OptimizerValue;
}

const composed = (shard: boolean): OptimizerValue =>
  chain(clipByGlobalNorm(1), groups({ matrices: muon(), rest: adamW({ clipNorm: 0 }) }), { shard });

async function replicas({
  workers,
  bucketBytes,
  sharded = false,
  make = (shard) => adamW({ shard }),
}: Setting): Promise<Replica[]> {
  const bridge = memoryBridge(workers);
  return Promise.all(
    bridge.transports.map(async (transport) =>
      Replica.create({
        device: await openDevice(),
        group: createGroup(transport, { shards: shape.shards }),
        model,
        facts: dataset.facts,
        optimizer: make(sharded),
        shape,
        seed: 7,
        bucketBytes,
      }),
    ),
  );
}

const batchOf =
  (step: number): BatchSource =>
  ({ lo, hi }) =>
    batch({ step, seed: 7, shard: lo, count: hi - lo, shards: shape.shards, batchSize: shape.batch });

async function step(workers: readonly Replica[], index: number): Promise<void> {
  await Promise.all(
    workers.map((worker) =>
      worker.step({ step: index, seed: 7, learningRate: 1e-3, batch: batchOf(index), stop: false }),
    ),
  );
}

test.each<Setting>([
  { workers: 1, bucketBytes: 4096, buckets: 0 },
  { workers: 2, bucketBytes: 2 ** 20, buckets: 1 },
  { workers: 2, bucketBytes: 4096, buckets: 5 },
  { workers: 3, bucketBytes: 4096, buckets: 5 },
  { workers: 3, bucketBytes: 4096, buckets: 5, sharded: true },
  { workers: 1, bucketBytes: 4096, buckets: 0, make: composed },
  { workers: 2, bucketBytes: 2 ** 20, buckets: 1, sharded: true, make: composed },
])('with $workers workers and $buckets buckets a step makes no buffer and no bind group', async (setting) => {
  const { buckets, sharded = false } = setting;
  const group = await replicas(setting);
  for (const { sharing } of group) expect(sharing).toEqual({ buckets, sharded, mixedAdapters: false });
  // The update; an owner's also finds the norm first, and brings the weights of the others to the device.
  const submits = buckets + (sharded ? 3 : 1);
  await step(group, 0);
  const before = group.map(({ device }) => device.stats);
  const steps = 5;
  for (let index = 1; index <= steps; index++) await step(group, index);
  for (const [rank, { device }] of group.entries()) {
    const { submits: submitted, ...rest } = device.stats;
    const { submits: submittedBefore, ...restBefore } = before[rank]!;
    expect(rest).toEqual(restBefore);
    expect(submitted - submittedBefore).toBe(submits * steps);
  }
  await Promise.all(group.map(({ device }) => device.close()));
});
