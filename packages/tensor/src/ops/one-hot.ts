// Places as vectors, and elements at places.
import { expectDType } from '../dtype.ts';
import { expectShape, sameShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { along } from './along.ts';
import { broadcastTo } from './broadcast-to.ts';
import { cast } from './cast.ts';
import { equal } from './comparison.ts';
import { sum } from './sum.ts';
import { unsqueeze } from './squeeze.ts';
import { where } from './where.ts';
import { recorderOf } from '../graph/recorder.ts';
import { full } from './full.ts';

/** For each place of `x` (…), of u32, a vector of `length` zeros with a one there, all zeros beyond: (…, length), f32. */
export function oneHot(x: Tensor, length: number): Tensor {
  expectDType('oneHot', 'places', x.dtype, 'u32', 'i32');
  const places = broadcastTo(unsqueeze(x, -1), [...x.shape, length]);
  return cast(equal(places, along(places, [x.shape.length])), 'f32');
}

/**
 * The element of each row of `x` (…, C) at a place (…), of u32, or at the same place of every row: (…). Beyond the row it is 0, without a
 * gradient. @throws {ShapeError}
 */
export function pick(x: Tensor, place: Tensor | number): Tensor {
  const lead = x.shape.slice(0, -1);
  expectShape(x.shape.length > 0, 'pick', '(…, C)', x.shape);
  const places = typeof place === 'number' ? full(recorderOf('pick', [x]), lead, place, { dtype: 'u32' }) : place;
  expectDType('pick', 'places', places.dtype, 'u32', 'i32');
  expectShape(sameShape(places.shape, lead), 'pick', '(…, C) and (…)', x.shape, places.shape);
  const wanted = equal(broadcastTo(unsqueeze(places, -1), x.shape), along(x, [x.shape.length - 1]));
  return sum(where(wanted, x, 0), { axis: -1 });
}
