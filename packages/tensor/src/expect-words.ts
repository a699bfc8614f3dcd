// Tokens and seeds are whole numbers: an op that was given floats would read their bits.
import { ShapeError } from './errors.ts';
import type { Tensor } from './tensor.ts';

/** @throws {ShapeError} `op: expected name of u32, got f32` unless the tensor holds u32. */
export function expectWords(op: string, name: string, { dtype }: Tensor): void {
  if (dtype !== 'u32')
    throw new ShapeError(`${op}: expected ${name} of u32, got ${dtype}\nhint: make the tensor from a Uint32Array`);
}
