// Where something lies below what its adapter can do: operations and bytes a second, as shares of ceilings that are measured (Williams,
// Waterman, Patterson 2009).
import type { MeasuredRow } from './bench-file.ts';
import type { Ceilings } from './ceilings.ts';

/** What a run computes and moves at the least. */
export interface Cost {
  readonly flops: number;
  /** Read and written, each once. */
  readonly bytes: number;
}

/** Per cent of each ceiling. */
export interface Shares {
  readonly fma: number;
  readonly copy: number;
}

export const ratesOf = ({ flops, bytes }: Cost, us: number): Pick<MeasuredRow, 'gflops' | 'gbps'> => ({
  gflops: flops / us / 1e3,
  gbps: bytes / us / 1e3,
});

export const sharesOf = ({ flops, bytes }: Cost, us: number, { copyGbps, fmaGflops }: Ceilings): Shares => ({
  fma: (100 * flops) / us / 1e3 / fmaGflops,
  copy: (100 * bytes) / us / 1e3 / copyGbps,
});

/** Above so much of a ceiling a measurement is wrong, and no record. Caches let copies of little data go faster. */
const mostPercent = 105;
const cacheBytes = 64 * 2 ** 20;

/** The nearer ceiling, and what is wrong with being above one. @param bytes of one run */
export function nearestOf({ fma, copy }: Shares, bytes: number): Pick<MeasuredRow, 'bound' | 'percent' | 'fault'> {
  const nearest = fma > copy ? ({ bound: 'fma', percent: fma } as const) : ({ bound: 'copy', percent: copy } as const);
  const isAbove = fma > mostPercent || (copy > mostPercent && bytes > cacheBytes);
  return isAbove ? { ...nearest, fault: "above the adapter's ceiling: a fault of the measurement" } : nearest;
}
