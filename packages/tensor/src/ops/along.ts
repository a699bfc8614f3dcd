// The place of each element along axes, as a number; it takes no memory.
import { compute, type Recorder } from '../graph/recorder.ts';
import { sizeOf } from '../shape.ts';
import type { Tensor, TensorOwner } from '../tensor.ts';
import { view } from './view.ts';

/** 0, 1, 2, … below `length`, of u32. */
export function indices(device: TensorOwner, length: number): Tensor {
  return compute(device as Recorder, {
    name: 'indices',
    form: { shape: [length], dtype: 'u32' },
    node: { kind: 'index', inputs: [] },
    inputs: [],
  });
}

/** A tensor of the shape of `x` that holds each element's place along the axes, row by row where there are several: u32. */
export function along(x: Pick<Tensor, 'device' | 'shape'>, axes: readonly number[]): Tensor {
  const lengths = axes.map((axis) => x.shape[axis]!);
  const all = indices(x.device, sizeOf(lengths));
  const seen = view(all, {
    name: 'along',
    shape: lengths,
    view: { kind: 'reshape', from: [sizeOf(lengths)], to: lengths },
    gradient: (dy) => dy,
  });
  return view(seen, {
    name: 'along',
    shape: x.shape,
    view: { kind: 'axes', axes: axes.map((axis) => ({ to: axis, start: 0, step: 1 })), rank: x.shape.length },
    gradient: (dy) => dy,
  });
}
