// Which rows are to be measured: ops and sizes as they were asked for, in every family and type that an adapter runs.
import type { Device } from '@lockstep/tensor';
import { ConfigError } from '@lockstep/trainer';
import { benchedOps } from './benched-ops.ts';
import { benchedOp, caseOf } from './case-of.ts';
import type { WantedRow } from './kernels-order.ts';
import { familiesOf, labelOf } from './variants.ts';

/** An op at a size. */
export interface NamedCase {
  readonly op: string;
  readonly shape: string;
}

/** Every family and type unless given. */
export interface RowWishes {
  readonly family?: readonly string[] | undefined;
  readonly dtype?: 'f32' | 'f16' | undefined;
}

/** The given ops at the given sizes, or at their own. @throws {ConfigError} for shapes that an op cannot have */
export function casesOf(ops: readonly string[], shapes?: readonly string[]): NamedCase[] {
  const named = ops.flatMap((op) => (shapes ?? benchedOp(op).shapes).map((shape) => ({ op, shape })));
  for (const { op, shape } of named) caseOf(op, shape);
  return named;
}

export const allOps = (): string[] => benchedOps.map(({ op }) => op);

/** Every case in every family and type that the adapter runs. @throws {ConfigError} where it runs none that is wanted */
export function wantedRows(device: Device, named: readonly NamedCase[], { family, dtype }: RowWishes): WantedRow[] {
  if (dtype === 'f16' && !device.facts.f16)
    throw new ConfigError(
      `bench kernels: expected an adapter with shader-f16 for --dtype f16, got ${device.facts.description}`,
    );
  const rows = named.flatMap(({ op, shape }) => {
    const from = caseOf(op, shape);
    const hasHalves = device.facts.f16 && benchedOp(op).halves;
    const dtypes = (['f32', ...(hasHalves ? (['f16'] as const) : [])] as const).filter(
      (one) => !dtype || one === dtype,
    );
    const families = from.family ? familiesOf(device, from.family) : ['generated'];
    return dtypes.flatMap((one) =>
      families.map((name) => ({ ...labelOf({ from, family: name, dtype: one }), dtype: one })),
    );
  });
  const wanted = rows.filter((row) => !family || family.includes(row.family));
  if (wanted.length > 0)
    return wanted.map(({ op, shape, family: name, dtype: one }) => ({ op, shape, family: name, dtype: one }));
  const there = [...new Set(rows.map((row) => row.family))].join(', ');
  throw new ConfigError(
    `bench kernels: expected a family that the adapter runs, of ${there}, got ${family?.join(', ')}`,
  );
}
