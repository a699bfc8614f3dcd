// Tensors one after another, or beside each other.
import { defineOp, type Op } from '../autograd/op.ts';
import { cast } from './cast.ts';
import { promoted } from '../dtype.ts';
import { ShapeError } from '@lockstep/errors';
import { axesOf, expectShape, sameShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { range } from './range.ts';
import { slice } from './slice.ts';
import { unsqueeze } from './squeeze.ts';

export interface ConcatOptions {
  /** The first unless given; below 0 it counts from the last. */
  readonly axis?: number;
}

/** Tensors one after another along an axis; all others are equally long. @throws {ShapeError} */
export function concat(tensors: readonly Tensor[], { axis = 0 }: ConcatOptions = {}): Tensor {
  if (tensors.length === 0) throw new ShapeError('concat: expected tensors, got none');
  const dtype = tensors.map((tensor) => tensor.dtype).reduce(promoted);
  const [at] = axesOf('concat', tensors[0]!.shape, axis) as [number];
  return concatenated(...tensors.map((tensor) => cast(tensor, dtype)), { axis: at });
}

/** Tensors of one shape beside each other along a new axis, the first unless given. @throws {ShapeError} */
export function stack(tensors: readonly Tensor[], { axis = 0 }: ConcatOptions = {}): Tensor {
  const [first] = tensors;
  for (const tensor of tensors)
    expectShape(sameShape(tensor.shape, first!.shape), 'stack', 'equal shapes', first!.shape, tensor.shape);
  return concat(
    tensors.map((tensor) => unsqueeze(tensor, axis)),
    { axis: axis < 0 ? axis + first!.shape.length + 1 : axis },
  );
}

const concatenated: Op<readonly Tensor[], { readonly axis: number }> = defineOp<
  readonly Tensor[],
  { readonly axis: number }
>({
  name: 'concat',
  shards: 'together',
  // Each is written to its place from wherever it lies.
  anyLayout: Array.from({ length: 256 }, (_, i) => i),
  shape(shapes, { axis }) {
    const [first] = shapes;
    for (const shape of shapes) {
      const fits = shape.length === first!.length && shape.every((length, i) => i === axis || length === first![i]);
      expectShape(fits, 'concat', `shapes that differ in axis ${axis} only`, first!, shape);
    }
    return first!.with(
      axis,
      shapes.reduce((sum, shape) => sum + shape[axis]!, 0),
    );
  },
  forward(device, inputs, y, { axis }) {
    let start = 0;
    for (const input of inputs) {
      const length = input.shape[axis]!;
      device.copy(input, range(y, axis, { start, length }));
      start += length;
    }
  },
  gradient({ inputs, dy }, { axis }) {
    let start = 0;
    return inputs.map(({ shape }) => slice(dy, { axis, start, end: (start += shape[axis]!) }));
  },
});
