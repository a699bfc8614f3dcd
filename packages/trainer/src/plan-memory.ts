// How much memory a run takes, before any is taken: its workers are made on twins of a device, which only count.
import { createGroup, memoryBridge } from '@lockstep/collectives';
import { countParameters, createModel, type Facts } from '@lockstep/nn';
import { type Device, planningDevice } from '@lockstep/tensor';
import type { InputSpecs } from './batch.ts';
import type { ReplicaMemory } from './replica-memory.ts';
import { Replica } from './replica.ts';
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
  /** What the run's data says of itself, and what its rows hold. */
  readonly facts: Facts;
  readonly inputs: InputSpecs;
  readonly workers: number;
  readonly bucketBytes?: number | undefined;
  /** Bytes of the device that a worker may use. */
  readonly memoryBytes?: number | undefined;
}

/** What the worker that needs the most needs. Text generated meanwhile comes on top. */
export async function planMemory(
  device: Device,
  { run, facts, inputs, workers, bucketBytes, memoryBytes }: PlannedRun,
): Promise<MemoryPlan> {
  const shape = { batch: run.batch, shards: run.shards, inputs };
  const replicas = await Promise.all(
    memoryBridge(workers).transports.map((transport) =>
      Replica.create({
        device: planningDevice(device),
        group: createGroup(transport, { shards: run.shards }),
        model: run.model,
        facts,
        loss: run.loss,
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
  return { ...most.memory, ...most.passes, parameters: countParameters(createModel(run.model, facts)) };
}
