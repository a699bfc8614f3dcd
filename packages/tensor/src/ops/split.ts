// A tensor in parts along an axis, without a copy.
import { ShapeError } from '../errors.ts';
import { axesOf, expectShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { transpose } from './permute.ts';
import { reshape } from './reshape.ts';
import { slice } from './slice.ts';

export interface SplitOptions {
  /** The last unless given; below 0 it counts from the last. */
  readonly axis?: number;
  /** Take the last axis of each part apart into so many heads: (B, T, heads·D) becomes (B, heads, T, D). */
  readonly heads?: number;
}

/**
 * `x` in parts along an axis: so many of equal length, or of the given lengths.
 *
 * ```ts
 * const [q, k, v] = split(qkv, 3, { heads }); // (B, T, 3·heads·D) in three of (B, heads, T, D)
 * ```
 * @throws {ShapeError}
 */
export function split(x: Tensor, parts: number | readonly number[], { axis = -1, heads }: SplitOptions = {}): Tensor[] {
  const [at] = axesOf('split', x.shape, axis) as [number];
  const length = x.shape[at]!;
  const lengths = typeof parts === 'number' ? Array.from({ length: parts }, () => length / parts) : parts;
  const fits =
    lengths.every((one) => Number.isInteger(one) && one >= 0) && lengths.reduce((sum, one) => sum + one, 0) === length;
  expectShape(
    fits,
    'split',
    `an axis ${axis} that is as long as ${typeof parts === 'number' ? `${parts} equal parts` : parts.join(' + ')}`,
    x.shape,
  );
  let start = 0;
  const found = lengths.map((one) => slice(x, { axis: at, start, end: (start += one) }));
  return heads === undefined ? found : found.map((part) => toHeads(part, heads));
}

/**
 * The inverse of `heads` in {@link split}: (…, heads, T, D) becomes (…, T, heads·D), as a projection that follows wants it. Without a copy of
 * what `attention` gives.
 * @throws {ShapeError}
 */
export function joinHeads(x: Tensor): Tensor {
  const [heads, tokens, headSize] = x.shape.slice(-3);
  expectShape(x.shape.length >= 3, 'joinHeads', '(…, heads, T, D)', x.shape);
  return reshape(transpose(x, -3, -2), [...x.shape.slice(0, -3), tokens!, heads! * headSize!]);
}

/** (…, T, heads·D) as (…, heads, T, D). */
function toHeads(x: Tensor, heads: number): Tensor {
  const width = x.shape.at(-1)!;
  if (!(Number.isInteger(width / heads) && x.shape.length >= 2))
    throw new ShapeError(`split: expected a last axis that ${heads} heads divide, got [${x.shape.join(', ')}]`);
  return transpose(reshape(x, [...x.shape.slice(0, -1), heads, width / heads]), -3, -2);
}
