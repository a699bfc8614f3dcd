// Causal self-attention over packed queries, keys and values.
import { defineOp, type Op } from '../autograd/op.ts';
import type { Dispatcher } from '../device/dispatcher.ts';
import { rowPieces } from '../device/pieces.ts';
import type { Tensor } from '../tensor.ts';
import { type AttentionHeads, type AttentionPlan, packedSizes, planAttention } from './attention-plan.ts';

export { type AttentionHeads, largestHeadSize } from './attention-plan.ts';

/**
 * `softmax(q·kᵀ/√D + causal mask)·v` for each head. `qkv` (B, T, (heads + 2·kvHeads)·D) holds a row's queries, then its
 * keys, then its values, head by head; the result is (B, T, heads·D). No T×T matrix is stored: forward keeps the
 * log-sum-exp of each row, backward computes the scores anew. D is at most 128. Dao 2023 (FlashAttention-2); grouped
 * queries: Ainslie et al. 2023.
 * @throws {ShapeError}
 */
export const attention: Op<[qkv: Tensor], AttentionHeads> = defineOp({
  name: 'attention',
  shards: 'together',
  shape([qkv], options) {
    const { batches, tokens, headSize } = packedSizes('attention', qkv, options);
    return [batches, tokens, options.heads * headSize];
  },
  saves([qkv], options) {
    const { batches, tokens } = packedSizes('attention', qkv, options);
    return [{ shape: [batches, options.heads, tokens] }];
  },
  forward(device, [qkv], y, options, [lse]) {
    for (const { rows, part } of rowPieces(device, batchesOf(qkv), [qkv, y, lse!])) {
      const { plan, params, groups } = layOut(device, qkv, options, rows);
      const bound = { qkv: part(qkv), y: part(y), lse: part(lse!) };
      device.run(plan.forward, bound, params, groups(params.heads), plan.constants);
    }
  },
  backward(device, { inputs: [qkv], y, dy, saved: [lse], gradient }, options) {
    const dqkv = gradient(0);
    for (const { rows, part } of rowPieces(device, batchesOf(qkv), [qkv, y, dy, lse!, dqkv])) {
      const { plan, params, groups } = layOut(device, qkv, options, rows);
      const saved = device.empty([rows, params.heads, params.tokens, 2]);
      const own = { qkv: part(qkv), dy: part(dy), dqkv: part(dqkv), saved };
      const queryTensors = { ...own, y: part(y), lse: part(lse!) };
      device.run(plan.queryGradient, queryTensors, params, groups(params.heads), plan.constants);
      device.run(plan.keyGradient, own, params, groups(params.kv_heads), plan.constants);
    }
  },
});

/** Sequences of all shards. */
const batchesOf = ({ shape, shards = 1 }: Tensor): number => shape[0]! * shards;

interface Layout {
  readonly plan: AttentionPlan;
  readonly params: Record<'batches' | 'tokens' | 'heads' | 'kv_heads' | 'head_size' | 'columns' | 'scale', number>;
  /** Workgroups when each of a number of heads has its own. */
  readonly groups: (heads: number) => [x: number, y: number, z: number];
}

function layOut(device: Dispatcher, qkv: Tensor, options: AttentionHeads, batches: number): Layout {
  const { tokens, kvHeads, headSize } = packedSizes('attention', qkv.shape, options);
  const plan = planAttention(device, headSize);
  return {
    plan,
    params: {
      batches,
      tokens,
      heads: options.heads,
      kv_heads: kvHeads,
      head_size: headSize,
      columns: plan.constants.columns,
      scale: 1 / Math.sqrt(headSize),
    },
    groups: (heads) => device.grid(batches * heads * Math.ceil(tokens / plan.rows)),
  };
}
