// Elements at places along an axis, and their inverse, sums at places.
import { gather as kernel, scatterAdd as scatterKernel } from '@lockstep/kernels';
import { defineOp, type Op } from '../autograd/op.ts';
import { roundsGrid } from '../device/rounds.ts';
import { bytesPerElement, expectDType } from '../dtype.ts';
import { recorderOf } from '../graph/recorder.ts';
import { axesOf, columnsOf, expectShape, sameShape, sizeOf } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { broadcastTo } from './broadcast-to.ts';
import { cast } from './cast.ts';
import { alongLast } from './move-axis.ts';
import { dispatchSort } from './sorted-places.ts';
import { full } from './full.ts';
import { words } from './words.ts';

export interface PlaceOptions {
  /** Below 0 it counts from the last; the last unless given. */
  readonly axis?: number;
}

/**
 * The elements of `x` at places along an axis: y[…, n, …] = x[…, indices[…, n, …], …]. `indices`, of u32, has as many axes as `x`, and of
 * each but this one its length, or 1 for the same places all along it. Beyond the axis it is 0, without a gradient. @throws {ShapeError}
 */
export function gather(x: Tensor, indices: Tensor, { axis = -1 }: PlaceOptions = {}): Tensor {
  const all = placesFor('gather', x, indices, axis);
  if (bytesPerElement(x.dtype) === 2) return cast(gather(cast(x, 'f32'), all, { axis }), x.dtype);
  const [at] = axesOf('gather', x.shape, axis) as [number];
  return pickAlong(x, all, { axis: at });
}

/** Indices for every place of the other axes. @throws {ShapeError} */
function placesFor(op: string, x: Tensor, indices: Tensor, axis: number): Tensor {
  const [at] = axesOf(op, x.shape, axis) as [number];
  expectDType(op, 'indices', indices.dtype, 'u32');
  const wanted = indices.shape.length === x.shape.length ? x.shape.with(at, indices.shape[at]!) : [];
  const fits =
    wanted.length === x.shape.length &&
    indices.shape.every((length, i) => length === wanted[i] || (length === 1 && i !== at));
  expectShape(fits, op, `indices of the same axes, of the same lengths but along axis ${axis}`, x.shape, indices.shape);
  return broadcastTo(indices, wanted);
}

const pickAlong: Op<[x: Tensor, indices: Tensor], { readonly axis: number }> = defineOp({
  name: 'gather',
  shards: 'together',
  shape: (shapes) => shapes[1],
  dtype: ([x]) => x!,
  forward(device, [x, indices], y, { axis }) {
    if (y.count === 0) return;
    const inner = sizeOf(y.shape.slice(axis + 1));
    const [length, picked] = [x.shape[axis]!, y.shape[axis]!];
    const rows = { x_rows: x.count / (length * inner), index_rows: indices.count / (picked * inner) };
    if (length === 0) return device.fill(y, 0);
    const params = { size: y.count, length, picked, inner, ...rows };
    const bound = { x: words(x), index: indices, y: words(y) };
    // Of `x` only what is picked is read.
    const work = { bytes: 4 * (2 * y.count + indices.count) };
    device.run(kernel, bound, params, roundsGrid(device, kernel, y.count), {}, work);
  },
  reads: [],
  gradient({ inputs: [x, indices], dy }, { axis }) {
    const nothing = full(recorderOf('gather', [x]), x.shape, 0, { dtype: dy.dtype });
    return [scatterAdd(nothing, indices, dy, { axis }), undefined];
  },
});

/**
 * `x` with `values` added at places along an axis: y[…, indices[…, n, …], …] += values[…, n, …]. `indices`, of u32, and `values` have the
 * axes of `x`, and of each but this one its length (`indices` may have 1). What belongs to one element is added in the order of its places
 * along the axis, without atomics: the same bits on every run. Beyond the axis nothing is added. @throws {ShapeError}
 */
export function scatterAdd(x: Tensor, indices: Tensor, values: Tensor, { axis = -1 }: PlaceOptions = {}): Tensor {
  const all = placesFor('scatterAdd', x, indices, axis);
  expectShape(sameShape(all.shape, values.shape), 'scatterAdd', 'a value for each index', all.shape, values.shape);
  expectDType('scatterAdd', 'values', values.dtype, x.dtype);
  if (bytesPerElement(x.dtype) === 2)
    return cast(scatterAdd(cast(x, 'f32'), all, cast(values, 'f32'), { axis }), x.dtype);
  return alongLast('scatterAdd', { axis, inputs: [x, all, values] }, ([rows, places, added]) =>
    addToRows(rows!, places!, added!),
  );
}

const addToRows: Op<[x: Tensor, indices: Tensor, values: Tensor]> = defineOp({
  name: 'scatterAdd',
  shards: 'together',
  shape: (shapes) => shapes[0],
  forward(device, [x, indices, values], y) {
    const [length, count] = [columnsOf(x.shape), columnsOf(values.shape)];
    if (y.count === 0) return;
    if (values.count === 0) return device.copy(x, y);
    const places = device.empty(indices.shape, 'u32', indices.shards);
    dispatchSort(device, indices, places);
    const rows = {
      x_rows: x.count / length,
      index_rows: indices.count / count,
      value_rows: values.count / count,
    };
    const bound = { x: words(x), index: indices, places, values: words(values), y: words(y) };
    const params = { size: y.count, length, count, ...rows };
    const constants = { floats: Number(x.dtype === 'f32') };
    device.run(scatterKernel, bound, params, roundsGrid(device, scatterKernel, y.count), constants);
  },
  reads: [1],
  gradient: ({ inputs: [, indices], dy }) => [dy, undefined, gather(dy, indices)],
});
