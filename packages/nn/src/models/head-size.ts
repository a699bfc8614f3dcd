// How a model's width divides into attention heads, and the rules it must keep for that.
import { largestDecodedHeadSize } from '@lockstep/tensor';
import { ConfigError } from '../errors.ts';

export interface HeadOptions {
  readonly width: number;
  readonly heads: number;
  readonly kvHeads?: number | undefined;
  /** Whether positions are rotary, which turns elements in pairs. */
  readonly rotary?: boolean;
}

/** Elements of one head, no more than models can generate with. @throws {ConfigError} for sizes that do not go together. */
export function headSizeOf({ width, heads, kvHeads = heads, rotary = false }: HeadOptions): number {
  const size = width / heads;
  if (!Number.isInteger(size))
    throw new ConfigError(`model.width: expected a multiple of the ${heads} heads, got ${width}`);
  if (size > largestDecodedHeadSize || (rotary && size % 2 !== 0)) {
    const rule = `${rotary ? 'an even number, ' : ''}at most ${largestDecodedHeadSize}, for each of the ${heads} heads`;
    throw new ConfigError(`model.width: expected ${rule}, got ${size} for each`);
  }
  if (heads % kvHeads !== 0)
    throw new ConfigError(`model.kvHeads: expected a divisor of the ${heads} heads, got ${kvHeads}`);
  return size;
}
