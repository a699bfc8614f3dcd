// Elements of another type.
import type { DType } from '../dtype.ts';
import { isFloat } from '../dtype.ts';
import type { ScalarFunction } from '../fuse/scalar-function.ts';
import { computedType } from '../fuse/wgsl.ts';
import { compute, recorderOf } from '../graph/recorder.ts';
import type { Tensor } from '../tensor.ts';

/**
 * `x` as elements of another type. Floats lose their fraction where they become integers, and are held within what the type can
 * say; NaN becomes 0. What becomes an integer has no gradient.
 */
export function cast(x: Tensor, dtype: DType): Tensor {
  if (x.dtype === dtype) return x;
  const y = compute(recorderOf('cast', [x]), {
    name: 'cast',
    form: { shape: x.shape, dtype, shards: x.shards },
    node: { kind: 'elementwise', function: functionTo(dtype), inputs: [x] },
    inputs: [x],
    gradient: (dy) => [cast(dy, x.dtype)],
  });
  if (!isFloat(dtype)) y.tracked = false;
  return y;
}

function functionTo(dtype: DType): ScalarFunction {
  return {
    name: `to_${dtype}`,
    uses: ['ieee754'],
    wgsl: ([from = 'f32']) => {
      const converted = `${computedType(dtype)}(a)`;
      return isFloat(from) && !isFloat(dtype) ? `select(${converted}, ${dtype}(0), is_nan(a))` : converted;
    },
    dtype: () => dtype,
  };
}
