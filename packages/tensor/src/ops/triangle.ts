// What lies below or above a diagonal of the last two axes.
import { expectShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { add } from './arithmetic.ts';
import { along } from './along.ts';
import { cast } from './cast.ts';
import { greaterEqual, lessEqual } from './comparison.ts';
import { where } from './where.ts';

export interface TriangleOptions {
  /** Which diagonal: above 0 to the right of the main one, below 0 to the left. */
  readonly diagonal?: number;
}

/** `x` with zeros above a diagonal of its last two axes. @throws {ShapeError} */
export function tril(x: Tensor, { diagonal = 0 }: TriangleOptions = {}): Tensor {
  const [row, column] = places('tril', x);
  return where(lessEqual(column, add(row, diagonal)), x, 0);
}

/** `x` with zeros below a diagonal of its last two axes. @throws {ShapeError} */
export function triu(x: Tensor, { diagonal = 0 }: TriangleOptions = {}): Tensor {
  const [row, column] = places('triu', x);
  return where(greaterEqual(column, add(row, diagonal)), x, 0);
}

function places(name: string, x: Tensor): [row: Tensor, column: Tensor] {
  const { length: rank } = x.shape;
  expectShape(rank >= 2, name, 'two axes or more', x.shape);
  return [cast(along(x, [rank - 2]), 'i32'), cast(along(x, [rank - 1]), 'i32')];
}
