// Attention of one new token per sequence to all before it, whose keys and values are kept in a cache. For generating:
// it has no gradient. What changes from token to token is in tensors, so that a step is captured once and replayed.
import { attentionCache, attentionDecode } from '@lockstep/kernels';
import type { Device } from '../device/device.ts';
import { expectShape, sameShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { type AttentionHeads, packedSizes } from './attention-heads.ts';
import { largestHeadSize } from './attention-plan.ts';

/** Which keys a token sees, and what becomes of a score, as for {@link attention}. */
export interface DecodedSight {
  readonly window?: number;
  readonly cap?: number;
  readonly scale?: number;
}

/**
 * Puts the keys and values of `qkv` (B, 1, (heads + 2·kvHeads)·D) into `cache` (B, context, 2·kvHeads·D) at `position`
 * (1, u32, below context; not checked), and attends to positions 0 to `position`, or to the last `window` of these. A cache's row holds the keys of all
 * heads, then their values.
 * @returns (B, 1, heads·D), like the row of `attention` at that position.
 * @throws {ShapeError}
 */
export function decodeAttention(
  qkv: Tensor,
  cache: Tensor,
  position: Tensor,
  options: AttentionHeads & DecodedSight,
): Tensor {
  const device = qkv.device as Device;
  const { batches, tokens, kvHeads, headSize } = packedSizes('decodeAttention', qkv.shape, options);
  const [, context = 0] = cache.shape;
  const width = 2 * kvHeads * headSize;
  const fits = tokens === 1 && context > 0 && sameShape(cache.shape, [batches, context, width]) && position.size === 1;
  const rule = '(B, 1, (heads + 2·kvHeads)·D), (B, context, 2·kvHeads·D) and (1)';
  expectShape(fits, 'decodeAttention', rule, qkv.shape, cache.shape, position.shape);
  expectShape(headSize <= largestHeadSize, 'decodeAttention', `D ≤ ${largestHeadSize}`, qkv.shape);

  const { heads, window = context, cap, scale = 1 / Math.sqrt(headSize) } = options;
  const y = device.empty([batches, 1, heads * headSize]);
  const writeGroups = device.grid((batches * width) / attentionCache.constants.lanes);
  const writeParams = { batches, context, queries: heads * headSize, width };
  device.run(attentionCache, { qkv, position, cache }, writeParams, writeGroups);
  const params = { batches, context, heads, kv_heads: kvHeads, scale, window, cap: cap ?? 0 };
  const constants = { head_size: headSize, lanes: lanesFor(headSize), capped: cap === undefined ? 0 : 1 };
  device.run(attentionDecode, { qkv, cache, position, y }, params, device.grid(batches * heads), constants);
  return y;
}

/** Each lane leaves a sum, a total and a maximum in workgroup memory, of which every adapter has 16 KiB. */
function lanesFor(headSize: number): number {
  return [32, 16].find((lanes) => lanes * 4 * (headSize + 2) <= 16_384) ?? 8;
}
