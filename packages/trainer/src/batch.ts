// The shapes that follow from a run's batch: what a row holds, and how many rows a shard has.
import type { DType, TypedArray } from '@lockstep/tensor';

/** What a row of data holds, by name. */
export type InputSpecs = Readonly<Record<string, { readonly shape: readonly number[]; readonly dtype: DType }>>;

/** Arrays of several rows, one after the other, by name. */
export type BatchArrays = Readonly<Record<string, TypedArray>>;

/** Sizes of a global batch and its shards. */
export interface BatchShape {
  /** Rows in the global batch. */
  readonly batch: number;
  /** Parts into which the batch is cut: a power of two. */
  readonly shards: number;
  readonly inputs: InputSpecs;
}

/** Rows in one shard. */
export function rowsPerShard({ batch, shards }: Pick<BatchShape, 'batch' | 'shards'>): number {
  return batch / shards;
}

/** The place of each token in its sequence. */
export function positionsOf(sequences: number, context: number): Uint32Array<ArrayBuffer> {
  return Uint32Array.from({ length: sequences * context }, (_, i) => i % context);
}
