// Whether a kernel became faster, or the machine did. Each round's time is divided by the ceiling measured just before it, so that a
// machine that is slower for an hour is no slower kernel; and a difference counts only where the intervals of both medians are apart, and
// further apart than what other processes took can explain.
import type { BenchFile, KernelRow, MeasuredRow, Round, RowLabel } from './bench-file.ts';
import { median } from './statistics.ts';

export interface Comparison extends RowLabel {
  /** How many times as fast the second is, by the medians; above 1 it is faster. */
  readonly speedUp: number;
  /** Within which the speed-up lies, by nine of ten. */
  readonly from: number;
  readonly to: number;
  readonly verdict: 'faster' | 'slower' | 'noise';
  /** What other processes took of the machine's processors, in the run where they took more. */
  readonly others: number;
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

const keyOf = ({ op, shape, dtype, family, constants }: KernelRow): string =>
  [op, shape, dtype, family, JSON.stringify(constants, Object.keys(constants).toSorted())].join('\n');

function compareRows(before: MeasuredRow, after: MeasuredRow): Comparison {
  const { op, shape, dtype, family, constants, bound } = before;
  const [a, b] = [before, after].map(({ rounds }) => rounds.map((round) => Math.log(effort(round, bound))));
  const [first, second] = [widened(intervalOf(a!), before), widened(intervalOf(b!), after)];
  // The speed-up is the quotient of two medians: its interval reaches from the worst of one to the best of the other.
  const [speedUp, from, to] = [
    Math.exp(median(a!) - median(b!)),
    Math.exp(first.low - second.high),
    Math.exp(first.high - second.low),
  ];
  const verdict = from > 1 + leastDifference ? 'faster' : to < 1 - leastDifference ? 'slower' : 'noise';
  const others = Math.max(before.others ?? 0, after.others ?? 0);
  return { op, shape, dtype, family, constants, speedUp, from, to, verdict, others };
}

/** Others may have taken from the kernel what they left to the ceiling, or the other way round, for as long as a run lasted. */
function widened({ low, high }: Interval, { others = 0 }: MeasuredRow): Interval {
  const most = -Math.log(Math.max(1e-3, 1 - others));
  return { low: low - most, high: high + most };
}

interface Interval {
  readonly low: number;
  readonly high: number;
}

/** What a kernel took, in what the adapter could have done meanwhile. */
const effort = ({ us, copyGbps, fmaGflops }: Round, bound: MeasuredRow['bound']): number =>
  us * (bound === 'copy' ? copyGbps : fmaGflops);

/**
 * An interval that holds the median by nine of ten whatever the distribution, from order statistics (Conover 1999, Practical Nonparametric
 * Statistics, 3.2); all rounds where they are too few.
 */
function intervalOf(values: readonly number[]): Interval {
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
