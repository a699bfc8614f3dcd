// Normalisation of the last axis, or of groups of channels, with gains that are learned.
import {
  groupNorm as groupNormOp,
  layerNorm as layerNormOp,
  rmsNorm as rmsNormOp,
  type Tensor,
} from '@lockstep/tensor';
import { type Layer, layer } from './layer.ts';
import { parameter, type ParameterSlot } from './parameter.ts';

export interface NormOptions {
  /** Added under the root; 1e-5 unless given. */
  readonly epsilon?: number;
  readonly group?: string;
  readonly frozen?: boolean;
}

export type Norm<Held extends object> = Layer<(x: Tensor) => Tensor, Held>;

/** To mean 0 and variance 1 along the last axis, then gain and shift (Ba et al. 2016). */
export function layerNorm(
  width: number,
  { epsilon = 1e-5, ...slot }: NormOptions = {},
): Norm<{ readonly weight: ParameterSlot; readonly bias: ParameterSlot }> {
  const weight = parameter([width], { ...slot, initial: 1 });
  const bias = parameter([width], slot);
  return layer({ weight, bias }, (x: Tensor) => layerNormOp(x, weight.value, bias.value, { epsilon }));
}

/** To a mean square of 1 along the last axis, then gain (Zhang & Sennrich 2019). */
export function rmsNorm(
  width: number,
  { epsilon = 1e-5, ...slot }: NormOptions = {},
): Norm<{ readonly weight: ParameterSlot }> {
  const weight = parameter([width], { ...slot, initial: 1 });
  return layer({ weight }, (x: Tensor) => rmsNormOp(x, weight.value, { epsilon }));
}

export interface GroupNormOptions extends NormOptions {
  /** Into how many groups the channels are divided. */
  readonly groups: number;
}

/** Groups of the channels of images (B, C, H, W) to mean 0 and variance 1, then gain and shift by channel (Wu & He 2018). */
export function groupNorm(
  channels: number,
  { groups, epsilon = 1e-5, ...slot }: GroupNormOptions,
): Norm<{ readonly weight: ParameterSlot; readonly bias: ParameterSlot }> {
  const weight = parameter([channels], { ...slot, initial: 1 });
  const bias = parameter([channels], slot);
  return layer({ weight, bias }, (x: Tensor) =>
    groupNormOp(x, { groups, epsilon, weight: weight.value, bias: bias.value }),
  );
}
