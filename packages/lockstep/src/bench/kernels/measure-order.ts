// What a process, or a page's worker, does that measures kernels: rows by their names, in one go, and word of how far it is.
import type { Device } from '@lockstep/tensor';
import { CeilingProbe } from '../ceilings.ts';
import type { MeasureOptions } from '../measure.ts';
import { caseOf } from './case-of.ts';
import type { KernelsOrder, Progress } from './kernels-order.ts';
import { measureVariants } from './variants.ts';

export interface OrderOptions extends Pick<MeasureOptions, 'log' | 'others'> {
  readonly tell: (progress: Progress) => void;
}

export async function measureOrder(
  device: Device,
  { wanted, rounds }: KernelsOrder,
  { tell, ...options }: OrderOptions,
): Promise<void> {
  const probe = await CeilingProbe.create(device);
  const cases = new Map<string, ReturnType<typeof caseOf>>();
  const variants = wanted.map(({ op, shape, family, dtype }) => {
    const name = `${op}\n${shape}`;
    const from = cases.get(name) ?? caseOf(op, shape);
    cases.set(name, from);
    return { from, family, dtype };
  });
  const at = (candidate: number): void => tell({ at: candidate });
  for await (const rows of measureVariants(device, variants, { ...options, probe, rounds, at })) tell({ rows });
}
