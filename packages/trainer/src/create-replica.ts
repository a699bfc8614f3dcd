// A run's replica on a device, with the state that it goes on from.
import type { Group, Trace } from '@lockstep/collectives';
import type { TensorMap } from '@lockstep/nn';
import type { Device } from '@lockstep/tensor';
import type { Batches, Dataset } from './data/dataset.ts';
import { Replica } from './replica.ts';
import type { Run } from './run/run.ts';
import type { TrainState } from './state.ts';

/** Where a run is computed, on what, and from where on. */
export interface Workplace {
  readonly device: Device;
  readonly group: Group;
  readonly dataset: Dataset;
  /** Where to go on; from the beginning unless given. */
  readonly start?: TrainState | undefined;
  /** Weights to begin with instead of those drawn from the seed, all or some; of no account where `start` is given. */
  readonly weights?: TensorMap | undefined;
  /** Bytes of gradients that are read back and reduced at a time, about. No bit depends on it. */
  readonly bucketBytes?: number | undefined;
  /** Bytes of the device that may be used; all that it takes to compute all shards side by side unless given. No bit depends on it. */
  readonly memoryBytes?: number | undefined;
  /** Told where the time of each step goes. */
  readonly trace?: Trace | undefined;
}

/** All workers of a group do so together. @throws {DeviceError} @throws {CheckpointError} for a state of another model or optimizer. */
export async function createReplica(run: Run, workplace: Workplace, { inputs }: Batches): Promise<Replica> {
  const { dataset, start, weights, ...rest } = workplace;
  const { model, loss, optimizer, seed, wire, batch, shards } = run;
  const shape = { batch, shards, inputs };
  const replica = await Replica.create({ ...rest, facts: dataset.facts, model, loss, optimizer, shape, seed, wire });
  if (start) replica.restore(start);
  else if (weights) replica.begin(weights);
  return replica;
}
