// A function of numbers, as it stands in generated kernels: its WGSL, and what it makes of element types.
import type { lib } from '@lockstep/kernels';
import type { DType } from '../dtype.ts';

/** A piece of WGSL that kernels share. */
export type Piece = keyof typeof lib;

export interface ScalarFunction {
  readonly name: string;
  /**
   * An expression of `a`, `b`, … in WGSL. Each parameter has the type of its input; of f16 it is an f32 here, and what comes
   * out is rounded.
   */
  wgsl(inputs: readonly DType[]): string;
  /** Shared pieces that the expression calls. */
  readonly uses?: readonly Piece[];
  /** The type of what comes out. */
  dtype(inputs: readonly DType[]): DType;
}
