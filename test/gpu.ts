// One device for all the tests of a file: opening an adapter and compiling pipelines costs more than most tests.
import type { Device, Families } from '@lockstep/tensor';
import { openDevice } from '@lockstep/tensor/node';
import { familiesOf, inFamilies } from './families.ts';

/** With LOCKSTEP_TEST_LIMITS=default it has what WebGPU promises of every adapter, and no more. */
export const device: Device = await openDevice(
  process.env['LOCKSTEP_TEST_LIMITS'] === 'default' ? { limits: 'default' } : {},
);

/** Every family that this adapter can run, by name. */
export const families: ReturnType<typeof familiesOf> = familiesOf(device);

/** Runs `work` with other kernel families than the adapter's own. */
export const withFamilies = <T>(choice: Families, work: () => Promise<T>): Promise<T> =>
  inFamilies(device, choice, work);
