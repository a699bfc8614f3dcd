// The same elements again and again along new or lengthened axes, without a copy.
import { compute, recorderOf } from '../graph/recorder.ts';
import { broadcastsTo, expectShape, sameShape, type Shape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
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
    gradient: (dy) => sumOver(dy, repeatedAxes(x.shape, shape), x.shape),
  });
}

function repeatedAxes(from: Shape, to: Shape): number[] {
  const lead = to.length - from.length;
  return to.flatMap((length, axis) => (length !== (from[axis - lead] ?? 0) ? [axis] : []));
}

/** The sums over axes, in a shape of as many elements. */
function sumOver(x: Tensor, axes: readonly number[], shape: Shape): Tensor {
  return compute(recorderOf('sum', [x]), {
    name: 'sum',
    form: { shape, dtype: x.dtype, shards: x.shards },
    node: { kind: 'reduce', reducer: { name: 'sum' }, inputs: [x], axes, scale: 1 },
    inputs: [x],
  });
}
