// What all reductions are: many numbers become one, along some axes.
import { type Reducer, reducedType } from '../fuse/reducer.ts';
import { compute, recorderOf } from '../graph/recorder.ts';
import type { Tensor } from '../tensor.ts';
import { reshape } from './reshape.ts';

export interface Reduced {
  readonly name: string;
  readonly reducer: Reducer;
  /** Ascending. */
  readonly axes: readonly number[];
  readonly keepAxis: boolean;
  /** By what a sum is multiplied. */
  readonly scale?: number;
  /** The gradient of `x`, from that of the result with its axes kept. */
  readonly gradient?: (dy: Tensor) => Tensor;
}

/** Records a reduction of `x`. */
export function reduce(x: Tensor, { name, reducer, axes, keepAxis, scale = 1, gradient }: Reduced): Tensor {
  const kept = x.shape.map((length, axis) => (axes.includes(axis) ? 1 : length));
  const left = x.shape.filter((_, axis) => !axes.includes(axis));
  return compute(recorderOf(name, [x]), {
    name,
    form: { shape: keepAxis ? kept : left, dtype: reducedType(reducer, x.dtype), shards: x.shards },
    node: { kind: 'reduce', reducer, inputs: [x], axes, scale },
    inputs: [x],
    gradient: gradient && ((dy) => [gradient(reshape(dy, kept))]),
  });
}
