// How far numbers are from what is expected.

/** What an op does otherwise than its definition. */
export class CheckError extends Error {
  readonly code = 'CHECK';
  override readonly name = 'CheckError';
}

export const worst = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((most, value) => Math.max(most, Math.abs(value)), 0);

/** Largest difference, relative to the largest magnitude expected, and where it is; NaN counts as infinite. */
export function difference(got: ArrayLike<number>, expected: ArrayLike<number>): { error: number; at: number } {
  if (got.length !== expected.length) return { error: Infinity, at: Math.min(got.length, expected.length) };
  let [most, at] = [0, 0];
  for (let i = 0; i < got.length; i++) {
    const error = Number.isNaN(got[i]) ? Infinity : Math.abs(got[i]! - expected[i]!);
    if (error > most) [most, at] = [error, i];
  }
  return { error: most / Math.max(1, worst(expected)), at };
}

/** The first element whose bits differ; undefined if there is none. */
export function firstDifference(got: ArrayLike<number>, expected: ArrayLike<number>): number | undefined {
  if (got.length !== expected.length) return Math.min(got.length, expected.length);
  for (let i = 0; i < got.length; i++) if (!Object.is(got[i], expected[i])) return i;
  return undefined;
}
