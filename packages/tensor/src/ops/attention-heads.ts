// Heads of queries, keys and values side by side in one tensor, as one projection gives them.
import { expectShape, type Shape } from '../shape.ts';
import { largestHeadSize } from './attention-plan.ts';

export interface AttentionHeads {
  /** Heads of queries. */
  readonly heads: number;
  /** Heads of keys and values, each shared by heads / kvHeads heads of queries; as many as `heads` unless given. */
  readonly kvHeads?: number;
}

/** Sizes in a packed (B, T, (heads + 2·kvHeads)·D). @throws {ShapeError} */
export function packedSizes(
  op: string,
  shape: Shape,
  { heads, kvHeads = heads }: AttentionHeads,
): { batches: number; tokens: number; kvHeads: number; headSize: number } {
  const [batches = 0, tokens = 0, width = 0] = shape;
  const headSize = width / (heads + 2 * kvHeads);
  const grouped = heads >= 1 && kvHeads >= 1 && Number.isInteger(heads / kvHeads);
  const fits = shape.length === 3 && Number.isInteger(headSize) && headSize >= 1;
  const rule = `(B, T, (heads + 2·kvHeads)·D) with ${heads} heads, a multiple of ${kvHeads} kvHeads, and D ≤ ${largestHeadSize}`;
  expectShape(grouped && fits && headSize <= largestHeadSize, op, rule, shape);
  return { batches, tokens, kvHeads, headSize };
}
