// How a model's width divides into attention heads, and the rules it must keep for that.
import { largestHeadSize } from '@lockstep/tensor';

export interface HeadOptions {
  readonly width: number;
  readonly heads: number;
  readonly kvHeads?: number | undefined;
  /** Whether positions are rotary, which turns elements in pairs. */
  readonly rotary?: boolean;
}

/** What keeps sizes from going together, as a definition's check says it; nothing where they do. */
export function headsProblem({ width, heads, kvHeads = heads, rotary = false }: HeadOptions): string | undefined {
  const size = width / heads;
  if (!Number.isInteger(size)) return `width: expected a multiple of heads (${heads}), got ${width}`;
  if (rotary && size % 2 !== 0)
    return `width: expected an even number per head for rotary positions, got ${width} over ${heads} heads`;
  if (size > largestHeadSize)
    return `width: expected at most ${largestHeadSize} for each of the ${heads} heads, got ${size} for each`;
  if (heads % kvHeads !== 0) return `kvHeads: expected a divisor of heads (${heads}), got ${kvHeads}`;
  return undefined;
}
