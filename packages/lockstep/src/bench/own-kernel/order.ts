// A kernel of a user's own that is to be measured: what the child process is told, and what a reference module may export.
import { basename } from 'node:path';
import { z } from 'zod';
import type { RowLabel } from '../bench-file.ts';

/** One variant: a shape, and a value for each override. */
export interface OwnKernelOrder {
  /** The file of WGSL. */
  readonly kernel: string;
  /** The module with the definition. */
  readonly reference: string;
  readonly shape: readonly number[];
  readonly constants: Readonly<Record<string, number>>;
  readonly rounds: number;
  /** Error, relative to the largest magnitude expected, up to which a result is right. */
  readonly tolerance: number;
}

export const orderSchema: z.ZodType<OwnKernelOrder> = z.strictObject({
  kernel: z.string(),
  reference: z.string(),
  shape: z.array(z.int().min(1)).min(1),
  constants: z.record(z.string(), z.number()),
  rounds: z.int().min(1),
  tolerance: z.number().positive(),
});

export const labelOf = ({ kernel, shape, constants }: OwnKernelOrder): RowLabel => ({
  op: basename(kernel),
  shape: shape.join('x'),
  dtype: 'f32',
  family: 'own',
  constants,
});

/** Arrays by the names of bindings. */
export type Arrays = Record<string, Float32Array | Int32Array | Uint32Array>;

/** What a reference module exports; all but the default may be left out. */
export interface ReferenceModule {
  /** The outputs by their definition, from the inputs. */
  readonly default: (inputs: Arrays) => Record<string, ArrayLike<number>>;
  /** What is read; random numbers of the shape unless given. */
  readonly inputs?: (shape: readonly number[], constants: Readonly<Record<string, number>>) => Arrays;
  /** The kernel's parameters; `size`, the product of the shape, unless given. */
  readonly params?: (shape: readonly number[], constants: Readonly<Record<string, number>>) => Record<string, number>;
  /** How many groups of invocations; one invocation an element unless given. */
  readonly workgroups?: (
    shape: readonly number[],
    constants: Readonly<Record<string, number>>,
  ) => [number, number?, number?];
}
