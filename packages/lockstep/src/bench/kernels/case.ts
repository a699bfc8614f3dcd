// What the kernel bench measures: an op on shapes, what it costs at least, and what its elements must be.
import type { Families, Tensor } from '@lockstep/tensor';
import type { Cost } from '../measure.ts';

/** An input: random numbers of f32 in (−1, 1), or whole numbers below a bound, of u32. */
export interface Input {
  readonly shape: readonly number[];
  readonly below?: number;
}

/** An element by its definition in f64, and the size of what it is made of: errors are compared with that. */
export interface Expected {
  readonly value: number;
  readonly scale: number;
}

export interface KernelCase extends Cost {
  readonly op: string;
  readonly shape: string;
  readonly inputs: readonly Input[];
  readonly run: (inputs: readonly Tensor[]) => Tensor;
  /** The element at a place of the output. */
  readonly expected: (inputs: readonly Float64Array[], place: number) => Expected;
  /** Which kernels there are for it: those of the adapter's choice unless given. */
  readonly family?: keyof Families;
  /** Error, relative to the scale, up to which a result is right. */
  readonly tolerance?: number;
}

/** An op that can be measured at any sizes. */
export interface Benched {
  readonly op: string;
  /** What `--shapes` means for it. */
  readonly axes: string;
  readonly shapes: readonly string[];
  readonly make: (lengths: readonly number[]) => Omit<KernelCase, 'op' | 'shape'>;
}
