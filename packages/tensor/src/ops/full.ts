// Tensors of one number, which take no memory unless they have to.
import type { DType } from '../dtype.ts';
import type { ScalarFunction } from '../fuse/scalar-function.ts';
import { compute, type Recorder } from '../graph/recorder.ts';
import type { Shape } from '../shape.ts';
import type { Tensor, TensorOwner } from '../tensor.ts';

export interface CreationOptions {
  /** f32 unless given. */
  readonly dtype?: DType;
  /** For so many shards side by side; one value serves all unless given. */
  readonly shards?: number | undefined;
}

const same: ScalarFunction = { name: 'full', wgsl: () => 'a', dtype: ([dtype]) => dtype! };

/** A tensor all of whose elements are `value`. */
export function full(
  device: TensorOwner,
  shape: Shape,
  value: number,
  { dtype = 'f32', shards }: CreationOptions = {},
): Tensor {
  return compute(device as Recorder, {
    name: 'full',
    form: { shape, dtype, shards },
    node: { kind: 'elementwise', function: same, inputs: [{ value, dtype }] },
    inputs: [],
  });
}

/** A tensor of zeros. */
export function zeros(device: TensorOwner, shape: Shape, options: CreationOptions = {}): Tensor {
  return full(device, shape, 0, options);
}

/** A tensor of ones. */
export function ones(device: TensorOwner, shape: Shape, options: CreationOptions = {}): Tensor {
  return full(device, shape, 1, options);
}

/** Zeros of another tensor's shape, type and shards. */
export function zerosLike({ device, shape, dtype, shards }: Tensor): Tensor {
  return full(device, shape, 0, { dtype, shards });
}
