// One place along an axis.
import { axesOf } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { slice } from './slice.ts';
import { squeeze } from './squeeze.ts';

/**
 * The elements at one place along an axis, the first unless given, without the axis and without a copy. Places below 0 count from the end.
 * @throws {ShapeError}
 */
export function at(x: Tensor, place: number, { axis = 0 }: { readonly axis?: number } = {}): Tensor {
  const [along] = axesOf('at', x.shape, axis) as [number];
  const start = place < 0 ? place + x.shape[along]! : place;
  return squeeze(slice(x, { axis: along, start, end: start + 1 }), along);
}
