// Other axes over the same elements in the same order.
import { expectShape, sameShape, type Shape, sizeOf } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { view } from './view.ts';

/** `x` with other axes over as many elements; one length may be −1 and follows from the others. @throws {ShapeError} */
export function reshape(x: Tensor, shape: Shape): Tensor {
  const to = completed(x.shape, shape);
  if (sameShape(x.shape, to)) return x;
  return view(x, {
    name: 'reshape',
    shape: to,
    view: { kind: 'reshape', from: x.shape, to },
    gradient: (dy) => reshape(dy, x.shape),
  });
}

function completed(from: Shape, to: Shape): Shape {
  const known = sizeOf(to.filter((length) => length !== -1));
  const missing = to.filter((length) => length === -1).length;
  const rest = sizeOf(from) / known;
  const shape = to.map((length) => (length === -1 ? rest : length));
  const fits =
    missing <= 1 && shape.every((length) => Number.isInteger(length) && length >= 0) && sizeOf(shape) === sizeOf(from);
  expectShape(fits, 'reshape', `as many elements as in [${to.join(', ')}]`, from);
  return shape;
}
