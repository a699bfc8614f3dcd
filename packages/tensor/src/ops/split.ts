// A tensor in parts along an axis, without a copy.
import { ShapeError } from '@lockstep/errors';
import { axesOf, expectShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { transpose } from './permute.ts';
import { reshape } from './reshape.ts';
import { slice } from './slice.ts';

export interface SplitOptions {
  /** The last unless given; below 0 it counts from the last. */
  readonly axis?: number;
  /** Take the last axis of each part apart into so many heads, or into so many of each: (B, T, heads·D) becomes (B, heads, T, D). */
  readonly heads?: number | readonly number[];
}

/**
 * `x` in parts along an axis: so many of equal length, or of the given lengths.
 *
 * ```ts
 * const [q, k, v] = split(qkv, 3, { heads }); // (B, T, 3·heads·D) in three of (B, heads, T, D)
 * const [qk, v] = split(qkv, [2 * width, width], { heads: [2 * heads, heads] });
 * ```
 * @throws {ShapeError}
 */
export function split(x: Tensor, parts: number | readonly number[], { axis = -1, heads }: SplitOptions = {}): Tensor[] {
  const [at] = axesOf('split', x.shape, axis) as [number];
  const length = x.shape[at]!;
  const lengths = typeof parts === 'number' ? Array.from({ length: parts }, () => length / parts) : parts;
  const fits =
    lengths.every((one) => Number.isInteger(one) && one >= 0) && lengths.reduce((sum, one) => sum + one, 0) === length;
  if (typeof heads === 'object' && heads.length !== lengths.length)
    throw new ShapeError(`split: expected heads of ${lengths.length} parts, got [${heads.join(', ')}]`);
  expectShape(
    fits,
    'split',
    `an axis ${axis} that is as long as ${typeof parts === 'number' ? `${parts} equal parts` : parts.join(' + ')}`,
    x.shape,
  );
  if (heads !== undefined)
    return inHeads(x, { at, lengths, heads: lengths.map((_, i) => (typeof heads === 'number' ? heads : heads[i]!)) });
  let start = 0;
  return lengths.map((one) => slice(x, { axis: at, start, end: (start += one) }));
}

interface PartsInHeads {
  readonly at: number;
  readonly lengths: readonly number[];
  readonly heads: readonly number[];
}

/**
 * Heads are taken apart before parts are, where all are of one size and lie along the last axis: then going back the gradients of parts meet in
 * one kernel.
 */
function inHeads(x: Tensor, { at, lengths, heads }: PartsInHeads): Tensor[] {
  const [headSize, ...others] = lengths.map((length, i) => length / heads[i]!) as [number, ...number[]];
  const isEven = Number.isInteger(headSize) && headSize > 0 && others.every((one) => one === headSize);
  const isAlike = isEven && at === x.shape.length - 1 && at > 0;
  const whole = isAlike ? reshape(x, [...x.shape.slice(0, -1), x.shape[at]! / headSize, headSize]) : x;
  let start = 0;
  return lengths.map((length, i) => {
    const [axis, count] = isAlike ? [-2, heads[i]!] : [at, length];
    const part = slice(whole, { axis, start, end: (start += count) });
    return isAlike ? transpose(part, -3, -2) : toHeads(part, heads[i]!);
  });
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
