// Whether all workers compute with equal adapters. Others may round some functions differently.
import type { Device } from '@lockstep/tensor';
import type { StepGroup } from './step-group.ts';

const digestBytes = 32;

/** Whether any two workers' adapters, or the kernels chosen for them, differ: the same answer on every worker. */
export async function adaptersDiffer(
  { facts, families }: Pick<Device, 'facts' | 'families'>,
  group: Pick<StepGroup, 'size' | 'allGather'>,
): Promise<boolean> {
  if (group.size === 1) return false;
  const text = new TextEncoder().encode(JSON.stringify([facts.description, families]));
  const mine = new Uint8Array(await crypto.subtle.digest('SHA-256', text));
  const all = new Uint8Array(digestBytes * group.size);
  await group.allGather(mine, all);
  return all.some((byte, i) => byte !== all[i % digestBytes]);
}
