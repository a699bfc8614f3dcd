// Which form the update of a step takes: of a worker that is alone, of workers that all make it, or that each make their part.
import { isSharded } from '@lockstep/nn';
import { adaptersDiffer } from './adapters-differ.ts';
import { AloneUpdate } from './local-update.ts';
import { ReplicatedUpdate } from './replicated-update.ts';
import { ShardedUpdate } from './sharded-update.ts';
import type { LocalUpdate, SharedUpdate, UpdateOptions } from './update.ts';

/** How the workers share the work. */
export interface Sharing {
  /** Parts in which gradients leave the device; 0 where they need not. */
  readonly buckets: number;
  /** Whether each worker updates its own slice of the weights only. */
  readonly sharded: boolean;
  /** Whether some workers' adapters differ, which is a reason for it: roots and quotients may be rounded otherwise. */
  readonly mixedAdapters: boolean;
}

/** Chooses between the forms of an update. Where adapters differ only one keeps the weights of all workers equal. */
export async function createUpdate(options: UpdateOptions): Promise<Sharing & { update: LocalUpdate | SharedUpdate }> {
  const { device, group, optimizer, buckets } = options;
  const mixedAdapters = await adaptersDiffer(device, group);
  const sharded = group.size > 1 && (mixedAdapters || isSharded(optimizer));
  if (group.size === 1 && group.nodes.length === 1)
    return { update: await AloneUpdate.create(options), sharded, mixedAdapters, buckets: 0 };
  const update = sharded
    ? await ShardedUpdate.create({ ...options, mixed: mixedAdapters })
    : await ReplicatedUpdate.create(options);
  return { update, sharded, mixedAdapters, buckets: buckets.length };
}
