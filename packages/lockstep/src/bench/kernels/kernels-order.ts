// What measures kernels is told, and what it says.
import type { KernelRow } from '../bench-file.ts';

/** A case by what it is called, in a family of kernels. */
export interface WantedRow {
  readonly op: string;
  readonly shape: string;
  readonly family: string;
  readonly dtype: 'f32' | 'f16';
}

export interface KernelsOrder {
  readonly wanted: readonly WantedRow[];
  readonly rounds: number;
}

/** Which row is at work from now on, or what has become of the next ones, in order. */
export type Progress = { readonly at: number } | { readonly rows: readonly KernelRow[] };
