// Axes of length 1, taken away or put in.
import { axesOf, expectShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { reshape } from './reshape.ts';

/** `x` without some axes of length 1, or without all of them. @throws {ShapeError} for an axis of another length */
export function squeeze(x: Tensor, axis?: number | readonly number[]): Tensor {
  const axes =
    axis === undefined ? [...x.shape.keys()].filter((i) => x.shape[i] === 1) : axesOf('squeeze', x.shape, axis);
  expectShape(
    axes.every((i) => x.shape[i] === 1),
    'squeeze',
    `length 1 in axes ${axes.join(', ')}`,
    x.shape,
  );
  return reshape(
    x,
    x.shape.filter((_, i) => !axes.includes(i)),
  );
}

/** `x` with one more axis, of length 1, at a place of the result. @throws {ShapeError} */
export function unsqueeze(x: Tensor, axis: number): Tensor {
  const at = axis < 0 ? axis + x.shape.length + 1 : axis;
  expectShape(
    Number.isInteger(at) && at >= 0 && at <= x.shape.length,
    'unsqueeze',
    `a place for axis ${axis}`,
    x.shape,
  );
  return reshape(x, x.shape.toSpliced(at, 0, 1));
}
