// How far numbers are from those expected, as one number.
import { difference as found } from '@lockstep/tensor';

/** Largest difference, relative to the largest magnitude expected; NaN counts as infinite. */
export const difference = (got: ArrayLike<number>, expected: ArrayLike<number>): number => found(got, expected).error;
