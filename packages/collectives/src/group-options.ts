// What a group and its calls may be told.
import type { LayoutOptions } from './algorithms/layout.ts';
import type { AlgorithmName } from './algorithms/schedule.ts';
import type { HalfType, ReduceOp, Wire } from './arithmetic/encoding.ts';
import type { Trace } from './trace.ts';

/** How a group divides the work, how long it waits, and what it reports. */
export interface GroupOptions extends LayoutOptions {
  /** How long one message may be waited for. */
  readonly timeoutMs?: number;
  /** Taken for every reduction that it can be taken for, instead of the fastest. */
  readonly algorithm?: AlgorithmName;
  /** Bytes of an array that are reduced as one piece; the same on every rank. */
  readonly segmentBytes?: number;
  /** Gets a span for every collective. */
  readonly trace?: Trace;
}

/** What a reduction does with elements, and in which form they travel. */
export interface ReduceOptions {
  readonly op?: ReduceOp;
  /** How f32 travels. */
  readonly wire?: Wire;
  /** What a `Uint16Array` holds. */
  readonly half?: HalfType;
}

/** Where the slice of each rank begins and ends. */
export interface SliceOptions {
  /** Slices begin at multiples of so many elements. */
  readonly grain?: number;
  /** Where the slices of all ranks begin, and the length, where they are not to be even: size + 1 numbers, the same on every rank. */
  readonly bounds?: readonly number[];
}
