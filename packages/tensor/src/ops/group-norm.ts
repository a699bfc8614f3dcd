// Normalisation over groups of channels.
import { expectShape, sizeOf } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { add, mul } from './arithmetic.ts';
import { layerNorm } from './layer-norm.ts';
import { reshape } from './reshape.ts';

export interface GroupNormOptions {
  /** A divisor of the number of channels. */
  readonly groups: number;
  /** Added to the variance before its root; 1e-5 unless given. */
  readonly epsilon?: number;
  /** (C); ones unless given. */
  readonly weight?: Tensor;
  /** (C); zeros unless given. */
  readonly bias?: Tensor;
}

/** `x` (B, C, …) normalised over each group of channels and all places. Wu & He 2018. @throws {ShapeError} */
export function groupNorm(x: Tensor, { groups, epsilon = 1e-5, weight, bias }: GroupNormOptions): Tensor {
  const [batch = 0, channels = 0, ...places] = x.shape;
  expectShape(
    x.shape.length >= 2 && Number.isInteger(channels / groups),
    'groupNorm',
    `(B, C, …) with C a multiple of ${groups}`,
    x.shape,
  );
  const normalised = reshape(
    layerNorm(reshape(x, [batch, groups, (channels / groups) * sizeOf(places)]), { epsilon }),
    x.shape,
  );
  const perChannel = (one: Tensor): Tensor => reshape(one, [channels, ...places.map(() => 1)]);
  const scaled = weight ? mul(normalised, perChannel(weight)) : normalised;
  return bias ? add(scaled, perChannel(bias)) : scaled;
}
