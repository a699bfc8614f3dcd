// The same elements several times over.
import { expectShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { broadcastTo } from './broadcast-to.ts';
import { reshape } from './reshape.ts';

/** `x` so many times along each axis, as tiles: as `numpy.tile`, `torch.Tensor.repeat`. @throws {ShapeError} */
export function repeat(x: Tensor, times: readonly number[]): Tensor {
  const isCount = times.every((count) => Number.isInteger(count) && count >= 0);
  expectShape(
    isCount && times.length >= x.shape.length,
    'repeat',
    `a count for each axis, not ${times.join(', ')},`,
    x.shape,
  );
  const shape = [...Array.from({ length: times.length - x.shape.length }, () => 1), ...x.shape];
  const apart = reshape(
    x,
    shape.flatMap((length) => [1, length]),
  );
  const tiled = broadcastTo(
    apart,
    shape.flatMap((length, axis) => [times[axis]!, length]),
  );
  return reshape(
    tiled,
    shape.map((length, axis) => length * times[axis]!),
  );
}
