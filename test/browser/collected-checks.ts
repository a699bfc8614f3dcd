// Stands for `check-op.ts`, `gpu.ts` and vitest where the tests of ops are loaded in a page: checks of ops are kept, to be judged one by one;
// all other tests are Node's alone.
import { type CheckableOp, type Device as DeviceOf, Device, type Families, judgementsOf } from '@lockstep/tensor';
import { casesOf, type FamilyCheck, familiesOf, inFamilies } from '../families.ts';

export { noise } from '@lockstep/tensor';
export { difference } from '../difference.ts';

export const device: DeviceOf = await Device.open(navigator.gpu);
export const openDevice = (): Promise<DeviceOf> => Device.open(navigator.gpu);
export const families: ReturnType<typeof familiesOf> = familiesOf(device);
export const withFamilies = <T>(choice: Families, work: () => Promise<T>): Promise<T> =>
  inFamilies(device, choice, work);

/** Whatever is called of it, it does nothing. */
const idle: unknown = new Proxy(() => undefined, { get: () => idle, apply: () => idle });
export { idle as test, idle as describe, idle as expect };

interface Kept {
  readonly op: CheckableOp<unknown>;
  readonly check: FamilyCheck<unknown>;
}

const kept: Kept[] = [];

export function checkOp<Options = unknown>(op: CheckableOp<Options>, check: FamilyCheck<Options>): void {
  kept.push({ op, check } as unknown as Kept);
}

export const opsChecked = (): ReadonlySet<unknown> => new Set(kept.map(({ op }) => op));

/** Names of what there is to judge, in order. */
export const names = (): string[] => kept.map(({ op, check: { dtype = 'f32' } }) => `${op.name} of ${dtype}`);

/** Judges one check in every family. @returns how many judgements there were, and what was wrong */
export async function judge(at: number): Promise<{ judgements: number; failures: string[] }> {
  const { op, check } = kept[at]!;
  const failures: string[] = [];
  let judgements = 0;
  for (const { sample, family, choice, title } of casesOf(device, check))
    for (const { title: what, judge: decide } of judgementsOf(device, op, { check, sample })) {
      judgements++;
      try {
        await inFamilies(device, choice, decide);
      } catch (error) {
        failures.push(`${op.name} ${title} (${family}): ${what}: ${(error as Error).message}`);
      }
    }
  return { judgements, failures };
}
