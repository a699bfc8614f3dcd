// Whether a kernel became faster, or the machine did. Each round's time is divided by the ceiling measured just before it, so that a
// machine that is slower for an hour is no slower kernel; and a difference counts only where the intervals of both medians are apart.
import type { BenchFile, KernelRow, MeasuredRow, Round } from './bench-file.ts';
import { median } from './statistics.ts';

export interface Comparison {
  readonly op: string;
  readonly shape: string;
  readonly family: string;
  /** How many times as fast the second is, by the medians; above 1 it is faster. */
  readonly speedUp: number;
  /** Within which the speed-up lies, by nine of ten. */
  readonly from: number;
  readonly to: number;
  readonly verdict: 'faster' | 'slower' | 'noise';
}

/** Differences smaller than this are nobody's concern, however certain. */
const leastDifference = 0.03;

export function compareFiles(before: BenchFile, after: BenchFile): Comparison[] {
  const known = new Map(after.kernels.flatMap((row) => (row.status === 'ok' ? [[keyOf(row), row] as const] : [])));
  return before.kernels.flatMap((row) => {
    const other = known.get(keyOf(row));
    return row.status === 'ok' && other ? [compareRows(row, other)] : [];
  });
}

const keyOf = ({ op, shape, dtype, family }: KernelRow): string => [op, shape, dtype, family].join('\n');

function compareRows(before: MeasuredRow, after: MeasuredRow): Comparison {
  const { op, shape, family, bound } = before;
  const [a, b] = [before, after].map(({ rounds }) => rounds.map((round) => Math.log(effort(round, bound))));
  const [first, second] = [intervalOf(a!), intervalOf(b!)];
  // The speed-up is the quotient of two medians: its interval reaches from the worst of one to the best of the other.
  const [speedUp, from, to] = [
    Math.exp(median(a!) - median(b!)),
    Math.exp(first.low - second.high),
    Math.exp(first.high - second.low),
  ];
  const verdict = from > 1 + leastDifference ? 'faster' : to < 1 - leastDifference ? 'slower' : 'noise';
  return { op, shape, family, speedUp, from, to, verdict };
}

/** What a kernel took, in what the adapter could have done meanwhile. */
const effort = ({ us, copyGbps, fmaGflops }: Round, bound: MeasuredRow['bound']): number =>
  us * (bound === 'copy' ? copyGbps : fmaGflops);

/**
 * An interval that holds the median by nine of ten whatever the distribution, from order statistics (Conover 1999, Practical Nonparametric
 * Statistics, 3.2); all rounds where they are too few.
 */
function intervalOf(values: readonly number[]): { low: number; high: number } {
  const sorted = values.toSorted((a, b) => a - b);
  const count = sorted.length;
  let rank = 0;
  // The chance that fewer than `rank` of all lie below the median, on either side.
  for (let tail = 0, chance = 0.5 ** count; rank < count / 2; rank++) {
    tail += chance;
    if (2 * tail > 0.1) break;
    chance *= (count - rank) / (rank + 1);
  }
  const at = Math.max(0, rank - 1);
  return { low: sorted[at]!, high: sorted[count - 1 - at]! };
}

/** How much of a difference two runs can tell: the half widths of the intervals, as a share; the median over kernels. */
export function noiseOf(comparisons: readonly Comparison[]): number {
  return comparisons.length === 0 ? 0 : median(comparisons.map(({ from, to }) => Math.sqrt(to / from) - 1));
}
