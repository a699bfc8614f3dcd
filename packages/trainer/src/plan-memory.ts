// How much memory a run takes, before any is taken: its workers are made on twins of a device, which only count.
import { createGroup, memoryBridge } from '@lockstep/collectives';
import { countParameters, type Model } from '@lockstep/nn';
import { type Device, planningDevice } from '@lockstep/tensor';
import { Replica, type ReplicaMemory } from './replica.ts';
import type { Run } from './run/run.ts';

export interface MemoryPlan extends ReplicaMemory {
  /** Numbers that are learned. */
  readonly parameters: number;
  /** Shards that a worker has, and how many of them it computes side by side. */
  readonly shards: number;
  readonly shardsPerPass: number;
}

export interface PlannedRun {
  readonly run: Run;
  readonly model: Model;
  readonly workers: number;
  readonly bucketBytes?: number | undefined;
  /** Bytes of the device that a worker may use. */
  readonly memoryBytes?: number | undefined;
}

/** What the worker that needs the most needs. Text generated meanwhile comes on top. */
export async function planMemory(
  device: Device,
  { run, model, workers, bucketBytes, memoryBytes }: PlannedRun,
): Promise<MemoryPlan> {
  const shape = { batch: run.batch, context: model.context, shards: run.shards };
  const replicas = await Promise.all(
    memoryBridge(workers).transports.map((transport) =>
      Replica.create({
        device: planningDevice(device),
        group: createGroup(transport, { shards: run.shards }),
        model,
        optimizer: run.optimizer,
        shape,
        seed: run.seed,
        wire: run.wire,
        bucketBytes,
        memoryBytes,
      }),
    ),
  );
  const most = replicas.reduce((a, b) => (b.memory.all > a.memory.all ? b : a));
  return { ...most.memory, ...most.passes, parameters: countParameters(model) };
}
