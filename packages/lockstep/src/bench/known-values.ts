// Arrays whose sum over all ranks is known, to check an all-reduce by before it is timed.
import type { Wire } from '@lockstep/collectives';

/** Differs from element to element; its sums over up to 500 ranks are exact in f32. */
const known = (i: number): number => (i % 97) + 1;
const largest = 97;
/** Relative error of one conversion; what is reduced is converted at most once per rank. */
const precision: Record<Wire, number> = { f32: 0, bf16: 2 ** -8, int8: 2 ** -7 };

export interface Mistakes {
  readonly count: number;
  /** The first of them. */
  readonly index: number;
  readonly expected: number;
  readonly got: number;
}

/** What `rank` gives to the sum. */
export function fillKnown(values: Float32Array, rank: number): void {
  for (let i = 0; i < values.length; i++) values[i] = known(i) * (rank + 1);
}

/** The elements that are not the sum over `size` ranks, but for what the wire rounds; nothing where all are. */
export function findMistakes(sums: Float32Array, { size, wire }: { size: number; wire: Wire }): Mistakes | undefined {
  const factor = (size * (size + 1)) / 2;
  const tolerance = precision[wire] * size * largest * factor;
  const isWrong = (value: number, i: number): boolean => !(Math.abs(value - known(i) * factor) <= tolerance);
  const index = sums.findIndex(isWrong);
  if (index < 0) return undefined;
  let count = 0;
  for (let i = 0; i < sums.length; i++) if (isWrong(sums[i]!, i)) count++;
  return { count, index, expected: known(index) * factor, got: sums[index]! };
}
