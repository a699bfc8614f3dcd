// Elements in order, and where they were.
import { axesOf, expectShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { cast } from './cast.ts';
import { detach } from './detach.ts';
import { gather } from './gather.ts';
import { alongLast } from './move-axis.ts';
import { slice } from './slice.ts';
import { sortedPlaces } from './sorted-places.ts';

export interface SortOptions {
  /** The last unless given; below 0 it counts from the last. */
  readonly axis?: number;
  /** The largest first. */
  readonly descending?: boolean;
}

/** Elements, and the places along the axis where they were, of u32. */
export interface Sorted {
  readonly values: Tensor;
  readonly indices: Tensor;
}

/**
 * `x` in order along an axis, with the places of its elements. Equal elements stay in their order, −0 and 0 are equal, and NaN is larger than
 * every number. Gradients of values go to the places they came from. Long axes are sorted by radix, in O(n).
 * @throws {ShapeError}
 */
export function sort(x: Tensor, { axis = -1, descending = false }: SortOptions = {}): Sorted {
  expectShape(x.shape.length > 0, 'sort', 'an axis', x.shape);
  const indices = placesAlong('sort', x, { axis, descending });
  return { values: gather(x, indices, { axis }), indices };
}

/**
 * The `k` largest elements of `x` along an axis, or the smallest with `descending: false`, in order, with their places; see {@link sort}.
 * @throws {ShapeError}
 */
export function topK(x: Tensor, k: number, { axis = -1, descending = true }: SortOptions = {}): Sorted {
  const [at] = axesOf('topK', x.shape, axis) as [number];
  const fits = Number.isInteger(k) && k >= 0 && k <= x.shape[at]!;
  expectShape(fits, 'topK', `at least ${k} elements along axis ${axis}`, x.shape);
  const indices = slice(placesAlong('topK', x, { axis: at, descending }), { axis: at, end: k });
  return { values: gather(x, indices, { axis: at }), indices };
}

function placesAlong(op: string, x: Tensor, { axis, descending }: Required<SortOptions>): Tensor {
  const comparable = detach(x.dtype === 'f16' ? cast(x, 'f32') : x);
  return alongLast(op, { axis, inputs: [comparable] }, ([rows]) => sortedPlaces(rows!, { descending }));
}
