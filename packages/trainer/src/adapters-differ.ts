// Whether all workers compute with equal adapters. Others may round some functions differently.
import type { Group } from '@lockstep/collectives';
import type { Device } from '@lockstep/tensor';

/** Whether any two workers' adapters, or the kernels chosen for them, differ: the same answer on every worker. */
export async function adaptersDiffer(
  { facts, families }: Pick<Device, 'facts' | 'families'>,
  group: Group,
): Promise<boolean> {
  const mine = JSON.stringify([facts.description, families]);
  const all = await group.allGatherValues(mine);
  return all.some((one) => one !== all[0]);
}
