// Logarithms of a softmax.
import { axesOf } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { sub } from './arithmetic.ts';
import { logSumExp } from './statistics.ts';

/** `log softmax(x)` over an axis, the last unless given. @throws {ShapeError} */
export function logSoftmax(x: Tensor, { axis = -1 }: { readonly axis?: number } = {}): Tensor {
  axesOf('logSoftmax', x.shape, axis);
  return sub(x, logSumExp(x, { axis, keepAxis: true }));
}
