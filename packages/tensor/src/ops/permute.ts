// Axes in another order, without a copy.
import { axesOf, expectShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { view } from './view.ts';

/** `x` with its axes in the given order: axis `i` of the result is axis `order[i]` of `x`. @throws {ShapeError} */
export function permute(x: Tensor, order: readonly number[]): Tensor {
  const { length: rank } = x.shape;
  expectShape(order.length === rank, 'permute', `an order of all axes, not ${order.join(', ')},`, x.shape);
  axesOf('permute', x.shape, order);
  const places = order.map((axis) => (axis < 0 ? axis + rank : axis));
  if (places.every((axis, i) => axis === i)) return x;
  return view(x, {
    name: 'permute',
    shape: places.map((axis) => x.shape[axis]!),
    view: { kind: 'axes', axes: x.shape.map((_, axis) => ({ to: places.indexOf(axis), start: 0, step: 1 })), rank },
    gradient: (dy) =>
      permute(
        dy,
        places.map((_, axis) => places.indexOf(axis)),
      ),
  });
}

/** `x` with two axes exchanged, the last two unless given. @throws {ShapeError} */
export function transpose(x: Tensor, a = -2, b = -1): Tensor {
  const order = [...x.shape.keys()];
  const [first] = axesOf('transpose', x.shape, a) as [number];
  const [second] = axesOf('transpose', x.shape, b) as [number];
  return permute(x, order.with(first, second).with(second, first));
}
