// What a worker does where its device has less memory than was planned with: compute fewer shards side by side, as long as there are several.
import { DeviceError } from '@lockstep/errors';
import type { Device } from '@lockstep/tensor';
import type { BatchShape } from './batch.ts';
import { NodeGradient, type NodeOptions } from './node-gradient.ts';
import type { Learner } from './shard-pass.ts';

/** Records a node, with half as many shards a pass as long as there is no memory for them. @throws {DeviceError} where one is too many. */
export async function fitNode(learner: Learner, shape: BatchShape, options: NodeOptions): Promise<NodeGradient> {
  const { range } = options;
  const shardsPerPass = Math.min(options.shardsPerPass, range.hi - range.lo);
  const attempt = await learner.device.withinMemory(() =>
    NodeGradient.create(learner, shape, { ...options, shardsPerPass }),
  );
  if ('result' in attempt) return attempt.result;
  if (shardsPerPass === 1) throw tooLarge(attempt.lacking);
  return fitNode(learner, shape, { ...options, shardsPerPass: shardsPerPass / 2 });
}

/** Does what takes memory and cannot do with less. @throws {DeviceError} where there is none. */
export async function fitting<T>(device: Device, work: () => Promise<T>): Promise<T> {
  const attempt = await device.withinMemory(work);
  if ('result' in attempt) return attempt.result;
  throw tooLarge(attempt.lacking);
}

const tooLarge = ({ message }: DeviceError): DeviceError =>
  new DeviceError(
    `${message}\nhint: less memory is needed with fewer rows in a shard (a smaller batch, or more shards), a shorter context, activations that are computed again (checkpoint), and with more workers that share the optimizer out (optimizer.shard); lockstep plan tells how much`,
  );
