// Logarithms of a softmax.
import { axesOf } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { sub } from './arithmetic.ts';
import { logSumExp } from './statistics.ts';

/** `log softmax(x)` over an axis, the last unless given; nothing of nothing. @throws {ShapeError} */
export function logSoftmax(x: Tensor, { axis = -1 }: { readonly axis?: number } = {}): Tensor {
  axesOf('logSoftmax', x.shape, axis);
  if (x.size === 0) return x;
  return sub(x, logSumExp(x, { axis, keepAxis: true }));
}
