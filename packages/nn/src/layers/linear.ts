// Linear maps of the last axis.
import { add, linear as linearOp, matmul, type Tensor } from '@lockstep/tensor';
import { type Layer, layer } from './layer.ts';
import { parameter, type ParameterOptions, type ParameterSlot } from './parameter.ts';

export interface LinearOptions extends ParameterOptions {
  /** Whether something is added; true unless given. */
  readonly bias?: boolean;
  /** Standard deviation of the weight's first values; 1/√inputs unless given (LeCun et al. 1998). */
  readonly std?: number;
  /** Store the weight as (inputs, outputs), as GPT-2 does, instead of PyTorch's (outputs, inputs). */
  readonly transposed?: boolean;
  /** Apply GELU, its tanh form, to the result, in the same kernel. Only with a bias and `transposed`. */
  readonly gelu?: boolean;
}

export type Linear = Layer<
  (x: Tensor) => Tensor,
  { readonly weight: ParameterSlot; readonly bias: ParameterSlot | undefined }
>;

/**
 * `x` (…, inputs) to (…, outputs): `x·weightᵀ + bias`. The weight begins with normal numbers of `std`, or as `initial` says; the bias
 * with zeros.
 */
export function linear(inputs: number, outputs: number, options: LinearOptions = {}): Linear {
  const {
    bias: isBiased = true,
    std = 1 / Math.sqrt(inputs),
    initial = { std },
    transposed = false,
    ...more
  } = options;
  const { gelu = false, ...slot } = more;
  const weight = parameter(transposed ? [inputs, outputs] : [outputs, inputs], { ...slot, initial });
  const bias = isBiased ? parameter([outputs], slot) : undefined;
  return layer({ weight, bias }, (x: Tensor): Tensor => {
    if (bias && transposed) return linearOp(x, weight.value, bias.value, { gelu });
    const y = matmul(x, weight.value, { transposeB: !transposed });
    return bias ? add(y, bias.value) : y;
  });
}
