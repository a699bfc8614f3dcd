// What an op is judged by: samples, and what is known of its inputs.
import type { DType } from '../dtype.ts';
import type { Shape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';

/** An op however it was made: by `defineOp`, by `defineElementwise`, or composed of others. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type CheckableOp<Options> = ((...args: any[]) => Tensor) & {
  readonly name: string;
  readonly definition?: { readonly reference?: unknown };
} & { readonly options?: Options };

/** What an op is tried on. */
export interface OpSample<Options = unknown> {
  /** The shape of one shard of each input. */
  readonly shapes: readonly Shape[];
  readonly options?: Options | undefined;
}

/** The definition of an op: output from inputs, in f64 on plain arrays, of one shard. */
export type OpReference<Options = unknown> = (
  inputs: readonly Float64Array[],
  shapes: readonly Shape[],
  options: Options,
) => ArrayLike<number>;

export interface OpCheck<Options = unknown> {
  /** Shapes of the only input, one after another; or see {@link samples}. */
  readonly shapes?: readonly Shape[];
  readonly samples?: readonly OpSample<Options>[];
  /** The definition; the op's own, a function of numbers, unless given. */
  readonly reference?: OpReference<Options>;
  /** Inputs that serve all shards, as weights do. */
  readonly shared?: readonly number[];
  /** Inputs that are whole numbers below a bound: tokens, targets, places. They are of u32 and have no gradient. */
  readonly integers?: Readonly<Record<number, (shapes: readonly Shape[], options: Options) => number>>;
  /** Inputs given word by word, for a pass that begins at a shard: seeds and counters. They serve all shards and have no gradient. */
  readonly words?: Readonly<Record<number, (firstShard: number) => readonly number[]>>;
  /** Inputs given as they are: tables of numbers. They serve all shards and have no gradient. */
  readonly tables?: Readonly<Record<number, (shapes: readonly Shape[]) => Float64Array>>;
  /** What becomes of the noise in (−2, 2) that inputs are made of: to keep a logarithm's above 0. */
  readonly domain?: (value: number, input: number) => number;
  /** Whether backward follows the places of elements and not their values, as that of a maximum does. */
  readonly selects?: boolean;
  /** Whether the op has no derivative. */
  readonly constant?: boolean;
  /** Largest error, relative to the largest magnitude of what is compared. */
  readonly tolerance?: number;
  /** Element type of the inputs that are numbers; f32 unless given. */
  readonly dtype?: DType;
  /** Whether NaN and infinities are tried, on the largest sample; true unless given. */
  readonly judgesNaN?: boolean;
}
