// Tensors that follow from their places; they take no memory unless they have to.
import { type DType, isFloat } from '../dtype.ts';
import { ShapeError } from '@lockstep/errors';
import type { Tensor, TensorOwner } from '../tensor.ts';
import { add, mul } from './arithmetic.ts';
import { along, indices } from './along.ts';
import { cast } from './cast.ts';
import { equal } from './comparison.ts';
import { type CreationOptions, full } from './full.ts';

export interface RangeOptions {
  readonly start?: number;
  readonly step?: number;
  /** f32 if start or step is no whole number, else i32, unless given. */
  readonly dtype?: DType;
}

/** `start`, `start + step`, … before `end`. @throws {ShapeError} for a range that never ends */
export function arange(device: TensorOwner, end: number, { start = 0, step = 1, dtype }: RangeOptions = {}): Tensor {
  const length = Math.max(0, Math.ceil((end - start) / step));
  if (!Number.isSafeInteger(length))
    throw new ShapeError(`arange: expected a step that leads from ${start} to ${end}, got ${step}`);
  const isWhole = Number.isInteger(start) && Number.isInteger(step);
  const type = dtype ?? (isWhole ? 'i32' : 'f32');
  const places = cast(indices(device, length), isFloat(type) || isWhole ? type : 'f32');
  return cast(add(mul(places, step), start), type);
}

/** Ones on the main diagonal, zeros elsewhere: (rows, columns), as many columns as rows unless given. */
export function eye(
  device: TensorOwner,
  rows: number,
  { columns = rows, ...options }: CreationOptions & { readonly columns?: number } = {},
): Tensor {
  const places = full(device, [rows, columns], 0, options);
  return cast(equal(along(places, [0]), along(places, [1])), options.dtype ?? 'f32');
}
