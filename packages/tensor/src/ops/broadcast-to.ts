// The same elements again and again along new or lengthened axes, without a copy.
import { broadcastsTo, expectShape, sameShape, type Shape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { reshape } from './reshape.ts';
import { sum } from './sum.ts';
import { view } from './view.ts';

/** `x` with a larger shape: axes are matched from the last, and those of length 1 are repeated. @throws {ShapeError} */
export function broadcastTo(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x;
  expectShape(broadcastsTo(x.shape, shape), 'broadcastTo', `a shape that broadcasts to [${shape.join(', ')}]`, x.shape);
  const lead = shape.length - x.shape.length;
  const axes = x.shape.map((length, axis) =>
    length === 1 ? { start: 0, step: 0 } : { to: axis + lead, start: 0, step: 1 },
  );
  return view(x, {
    name: 'broadcastTo',
    shape,
    view: { kind: 'axes', axes, rank: shape.length },
    gradient: (dy) => {
      const repeated = shape.flatMap((length, axis) => (length !== (x.shape[axis - lead] ?? 0) ? [axis] : []));
      return reshape(sum(dy, { axis: repeated, keepAxis: true }), x.shape);
    },
  });
}
