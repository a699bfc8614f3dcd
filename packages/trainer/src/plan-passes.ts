// In how many passes a worker computes its shards, so that a step fits into memory. No bit depends on it.
import { type Device, planningDevice } from '@lockstep/tensor';
import { NodeGradient, type NodeOptions } from './node-gradient.ts';
import type { BatchShape } from './batch.ts';
import type { Learner } from './shard-pass.ts';

/** What decides how much a node may compute side by side. */
export interface PassPlan extends Omit<NodeOptions, 'shardsPerPass'> {
  /** Bytes of the device that the worker may use. */
  readonly memoryBytes: number;
  /** Numbers that the optimizer remembers, of all parameters. */
  readonly remembered: number;
}

/** Below this share of the memory even all shards side by side are not worth a plan. */
const smallShare = 1 / 16;

/**
 * The most shards a pass, a power of two, with which weights, gradients, optimizer, partial sums and activations fit; 1 where none do. Found
 * by recording the work on a device that takes no memory.
 */
export async function planPasses(
  learnerOn: (device: Device) => Learner,
  device: Device,
  shape: BatchShape,
  plan: PassPlan,
): Promise<number> {
  const { memoryBytes, remembered, ...node } = plan;
  const shards = node.range.hi - node.range.lo;
  const first = learnerOn(planningDevice(device));
  const { count } = first.parameters;
  if (4 * (count * (2 + shards) + remembered) < smallShare * memoryBytes) return shards;
  for (let shardsPerPass = shards; shardsPerPass > 1; shardsPerPass /= 2) {
    const twin = planningDevice(device);
    await NodeGradient.create(learnerOn(twin), shape, { ...node, shardsPerPass });
    if (twin.stats.bytes + 4 * remembered <= memoryBytes) return shardsPerPass;
  }
  return 1;
}
