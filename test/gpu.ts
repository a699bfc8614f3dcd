// One device for all the tests of a file: opening an adapter and compiling pipelines costs more than most tests.
import { type Device, type Families, subgroupFamilies } from '@lockstep/tensor';
import { openDevice } from '@lockstep/tensor/node';

/** With LOCKSTEP_TEST_LIMITS=default it has what WebGPU promises of every adapter, and no more. */
export const device: Device = await openDevice(
  process.env['LOCKSTEP_TEST_LIMITS'] === 'default' ? { limits: 'default' } : {},
);
const chosen = device.families;

/** Runs `work` with other kernel families than the adapter's own. */
export async function withFamilies<T>(families: Families, work: () => Promise<T>): Promise<T> {
  device.families = families;
  try {
    return await work();
  } finally {
    device.families = chosen;
  }
}

/** Every family that this adapter can run, by name. */
export const families: readonly (readonly [name: string, families: Families])[] = [
  ['portable', { matmul: 'portable', attention: 'portable', rows: 'portable' }],
  ['tiled', { matmul: 'tiled', attention: 'tiled', rows: 'tiled' }],
  ...(device.facts.subgroups ? [['subgroup', subgroupFamilies(device.facts)] as const] : []),
];
