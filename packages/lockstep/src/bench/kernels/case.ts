// What the kernel bench measures: an op on shapes, what it costs at least, and what its elements must be.
import type { BoundDispatch, Device, Families, Tensor } from '@lockstep/tensor';
import type { Cost } from '../roofline.ts';
import type { Expected } from './expected.ts';

/** An input: random numbers of f32 in (−1, 1), or whole numbers below a bound, of u32. */
export interface Input {
  readonly shape: readonly number[];
  readonly below?: number;
}

/** In what a run records, a mark: what comes before it only makes what the kernels in question read, and is not timed. */
export const timedFrom: unique symbol = Symbol('timed from here');

/** What a case runs, and what was made for it beside its inputs. */
export interface Started {
  readonly run: () => Tensor;
  readonly made: readonly Tensor[];
}

/** Records the op; or makes what it needs first, outside of what is recorded. */
type Runs =
  | { readonly run: (inputs: readonly Tensor[], device: Device) => Tensor }
  | { readonly start: (inputs: readonly Tensor[], device: Device) => Started };

export type CaseWork = Cost &
  Runs & {
    readonly inputs: readonly Input[];
    /** The element at a place of the output. */
    readonly expected: (inputs: readonly Float64Array[], place: number) => Expected;
    /** Which kernels there are for it: those of the adapter's choice unless given. */
    readonly family?: keyof Families;
    /** Error, relative to the scale, up to which a result is right. */
    readonly tolerance?: number;
  };

export type KernelCase = CaseWork & { readonly op: string; readonly shape: string };

/** A kernel as a program runs it, by which a case can be known again. */
export type Known = Pick<BoundDispatch, 'kernel' | 'params' | 'workgroups'>;

/** An op that can be measured at any sizes. */
export interface Benched {
  readonly op: string;
  /** What `--shapes` means for it. */
  readonly axes: string;
  readonly shapes: readonly string[];
  /** Whether it has kernels of f16, too. */
  readonly halves?: boolean;
  /** The lengths at which a kernel of a program is this op's; undefined where it is not. */
  readonly of?: (dispatch: Known) => readonly number[] | undefined;
  readonly make: (lengths: readonly number[]) => CaseWork;
}

type Params = Readonly<Record<string, number>>;

/** Knows an op by the name of a kernel. */
export const isKernel =
  (name: RegExp, lengths: (params: Params) => readonly number[] | undefined): NonNullable<Benched['of']> =>
  ({ kernel, params }) =>
    name.test(kernel) ? lengths(params) : undefined;

/** Batch, tokens, heads and their size, where queries are their own keys. */
export function attentionLengths(params: Params): readonly number[] | undefined {
  const { shards = 1, batches = 1, heads = 0, kv_heads, tokens = 0, keys, head_size = 0 } = params;
  return heads === kv_heads && tokens === keys ? [shards * batches, tokens, heads, head_size] : undefined;
}

/**
 * Images, channels, size and outputs of a convolution by 3 × 3 that keeps the size, as the bench has it.
 * @param is tells forward and the two gradients apart
 */
export const convolutionLengths =
  (is: (params: Params) => boolean) =>
  (params: Params): readonly number[] | undefined => {
    const { planes = 1, inputs = 0, outputs = 0, height = 0, width, out_height } = params;
    const isSquare = height === width && height === out_height;
    const isBenched =
      isSquare && params['kernel_height'] === 3 && params['kernel_width'] === 3 && params['groups'] === 1;
    return isBenched && is(params) ? [planes, inputs, height, outputs] : undefined;
  };
