// Axes walked backwards, without a copy.
import { axesOf } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { view } from './view.ts';

/** `x` with the elements along axes, all of them unless given, in reverse order. @throws {ShapeError} */
export function flip(x: Tensor, axis?: number | readonly number[]): Tensor {
  const axes = axesOf('flip', x.shape, axis);
  if (axes.length === 0) return x;
  return view(x, {
    name: 'flip',
    shape: x.shape,
    view: {
      kind: 'axes',
      axes: x.shape.map((length, i) =>
        axes.includes(i) ? { to: i, start: Math.max(0, length - 1), step: -1 } : { to: i, start: 0, step: 1 },
      ),
      rank: x.shape.length,
    },
    gradient: (dy) => flip(dy, axes),
  });
}
