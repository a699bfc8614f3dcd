// Attention: of all queries to all keys, or to those before them, those near them, those that a mask shows. What kernels do is in
// `attention-op.ts`.
import { ShapeError } from '@lockstep/errors';
import { type DecodedAttention, type Recorder, shardsOf } from '../graph/recorder.ts';
import { wholeOf } from '../graph/whole-of.ts';
import { broadcastsTo, expectShape, sameShape, type Shape } from '../shape.ts';
import { Tensor } from '../tensor.ts';
import { type AttentionHeads, packedSizes } from './attention-heads.ts';
import { attentionOp, type Sight } from './attention-op.ts';
import { largestHeadSize } from './attention-plan.ts';
import { concat } from './concat.ts';
import { full } from './full.ts';
import { transpose } from './permute.ts';
import { reshape } from './reshape.ts';

export type { AttentionHeads } from './attention-heads.ts';
export { largestHeadSize } from './attention-plan.ts';

export interface AttentionOptions {
  /** Whether query t sees keys 0 to t only (PyTorch's `is_causal`: with S ≠ T the beginnings are aligned); see `start`. */
  readonly causal?: boolean;
  /**
   * Where the first query stands among the keys, for `causal` and `window`: query t stands at key t + start. 0 unless given; with S − T
   * the last query stands at the last key, as where keys of earlier tokens are kept.
   */
  readonly start?: number;
  /** A query sees keys fewer than so many places away: with `causal` its own and the `window` − 1 before. */
  readonly window?: number;
  /**
   * (B|1, H|1, T|1, S), or fewer axes, the last ones: of u32, where 0 hides a key from a query; or of f32, which is added to scores, after
   * the cap, and hides where it is −1e30 or less. An f32 mask may be learned.
   */
  readonly mask?: Tensor;
  /** (B) of u32: how many rows of each sequence count, the others being padding. As many queries as keys. */
  readonly lengths?: Tensor;
  /** (B) of u32: how many keys of each sequence count; all queries do. */
  readonly keyLengths?: Tensor;
  /** A score s becomes cap·tanh(s / cap) (Gemma Team 2024). */
  readonly cap?: number;
  /** By what products of queries and keys are multiplied; 1/√D unless given. */
  readonly scale?: number;
}

/**
 * `softmax(scale·q·kᵀ)·v` for each head: `q` (B, H, T, D), `k` and `v` (B, KV, S, D), where H/KV heads of queries share a head of keys
 * (Ainslie et al. 2023); the result is (B, H, T, D). D is at most 256. A query that sees nothing gives zeros.
 *
 * Operands may lie in any layout: views into one projection are read where they are. The result lies row by row, (B, T, H, D), so that
 * {@link joinHeads} costs nothing; gradients lie likewise, or, where `q`, `k` and `v` are all there is of one tensor (as `split` gives
 * them), as that does. No T × S matrix is stored: forward keeps the log-sum-exp of each row, backward computes the scores
 * anew. Dao 2023 (FlashAttention-2).
 *
 * ```ts
 * const [q, k, v] = split(qkv, 3, { heads }); // (B, T, 3·H·D) in three of (B, H, T, D)
 * const y = joinHeads(attention(q, k, v, { causal: true })); // (B, T, H·D)
 * ```
 * @throws {ShapeError}
 */
export function attention(q: Tensor, k: Tensor, v: Tensor, options?: AttentionOptions): Tensor;
/**
 * The same of `qkv` (B, T, (heads + 2·kvHeads)·D): a row holds its queries, then its keys, then its values, head by head. The result is
 * (B, T, heads·D).
 */
export function attention(qkv: Tensor, options: AttentionHeads & AttentionOptions): Tensor;
export function attention(
  first: Tensor,
  second: Tensor | (AttentionHeads & AttentionOptions),
  v?: Tensor,
  options: AttentionOptions = {},
): Tensor {
  if (!(second instanceof Tensor)) return ofPacked(first, second);
  expectOperands(first.shape, second.shape, v!.shape);
  // A token's own keys are as many as its queries; others, such as an encoder's, do not come token by token.
  const isOwn = first.shape[2] === second.shape[2];
  if ((first.device as Recorder).decoder && isOwn) return decoded([first, second, v!], options);
  const [rows, keys, values] = [first, second, v!].map((operand) => transpose(operand, 1, 2)) as [
    Tensor,
    Tensor,
    Tensor,
  ];
  const whole = projectionOf([rows, keys, values]);
  const [heads, kvHeads] = [first.shape[1]!, second.shape[1]!];
  const y = whole
    ? call([whole], { y: rows.shape, keys: rows.shape[1]! }, options, { heads, kvHeads })
    : call([rows, keys, values], { y: rows.shape, keys: keys.shape[1]! }, options);
  return transpose(y, 1, 2);
}

function ofPacked(qkv: Tensor, options: AttentionHeads & AttentionOptions): Tensor {
  const { batches, tokens, kvHeads, headSize } = packedSizes('attention', qkv.shape, options);
  const { heads, kvHeads: _, ...sight } = options;
  const { decoder } = qkv.device as Recorder;
  if (decoder) return decoder.attend(qkv, { heads, kvHeads, ...decodedSight(sight) });
  const rows = reshape(qkv, [batches, tokens, heads + 2 * kvHeads, headSize]);
  const y = call([rows], { y: [batches, tokens, heads, headSize], keys: tokens }, options, { heads, kvHeads });
  return reshape(y, [batches, tokens, heads * headSize]);
}

/** Options as a decoder takes them. */
function decodedSight({
  causal = false,
  window,
  cap,
  scale,
  ...rest
}: AttentionOptions): Omit<DecodedAttention, 'heads' | 'kvHeads'> {
  const others = Object.entries(rest).flatMap(([name, value]) => (value === undefined ? [] : [name]));
  const given = {
    ...(window !== undefined && { window }),
    ...(cap !== undefined && { cap }),
    ...(scale !== undefined && { scale }),
  };
  return { isCausal: causal, ...given, others };
}

/** As a token after others, whose keys and values are kept. */
function decoded(operands: readonly [q: Tensor, k: Tensor, v: Tensor], options: AttentionOptions): Tensor {
  const { decoder } = operands[0].device as Recorder;
  const [heads, kvHeads] = [operands[0].shape[1]!, operands[1].shape[1]!];
  const rows = operands.map((one) => reshape(transpose(one, 1, 2), [one.shape[0]!, one.shape[2]!, -1]));
  const y = decoder!.attend(concat(rows, { axis: -1 }), { heads, kvHeads, ...decodedSight(options) });
  return transpose(reshape(y, [...y.shape.slice(0, -1), heads, -1]), 1, 2);
}

/** @throws {ShapeError} */
function expectOperands(q: Shape, k: Shape, v: Shape): void {
  const [batches, heads, , headSize] = q;
  const [, kvHeads] = k;
  const fits =
    q.length === 4 && k.length === 4 && sameShape(k, v) && k[0] === batches && k[3] === headSize && headSize! >= 1;
  const isGrouped = kvHeads! >= 1 && Number.isInteger(heads! / kvHeads!);
  const rule = `q (B, H, T, D), k and v (B, KV, S, D) with H a multiple of KV and D ≤ ${largestHeadSize}`;
  expectShape(fits && isGrouped && headSize! <= largestHeadSize, 'attention', rule, q, k, v);
}

/** The tensor (B, T, H + 2·KV, D) that queries, keys and values are all of; undefined where there is none. */
function projectionOf(parts: readonly [Tensor, Tensor, Tensor]): Tensor | undefined {
  const [q, k] = parts;
  if (q.shape[1] !== k.shape[1]) return undefined;
  const { tape } = q.device as Recorder;
  const whole = wholeOf(parts, 2, (tensor) => !tape?.isWanted(tensor));
  if (!whole || parts.some(({ tracked }) => tracked !== whole.tracked)) return undefined;
  return reshape(whole, q.shape.with(2, q.shape[2]! + 2 * k.shape[2]!));
}

/** Calls the op, unless there is nothing to be seen. */
function call(
  operands: readonly Tensor[],
  { y, keys }: { readonly y: Shape; readonly keys: number },
  options: AttentionOptions,
  packed?: { readonly heads: number; readonly kvHeads: number },
): Tensor {
  const sight = sightOf(y, keys, options);
  const extra = [maskOf(y, keys, options), options.lengths ?? options.keyLengths].filter((one) => one !== undefined);
  const [{ device }] = operands as [Tensor];
  const shards = shardsOf('attention', [...operands, ...extra]);
  if (keys === 0 || y.includes(0)) return full(device, y, 0, { shards });
  return attentionOp(...operands, ...extra, { ...sight, ...(packed && { packed }) });
}

/** @throws {ShapeError} */
function sightOf([batches = 0, tokens]: Shape, keys: number, options: AttentionOptions): Sight {
  const { causal = false, start = 0, window, cap, scale, mask, lengths, keyLengths } = options;
  const expect = (holds: boolean, rule: string, got: unknown): void => {
    if (!holds) throw new ShapeError(`attention: expected ${rule}, got ${String(got)}`);
  };
  expect(Number.isInteger(start), 'a whole number as start', start);
  expect(window === undefined || (Number.isInteger(window) && window >= 1), 'a window of at least 1', window);
  expect(cap === undefined || cap > 0, 'a cap above 0', cap);
  expect(!(lengths && keyLengths), 'lengths or keyLengths', 'both');
  for (const given of [lengths, keyLengths])
    if (given) expectShape(sameShape(given.shape, [batches]), 'attention', `lengths [${batches}]`, given.shape);
  expect(
    !lengths || tokens === keys,
    'as many queries as keys with lengths',
    `${tokens} and ${keys}\nhint: keyLengths`,
  );
  return {
    causal,
    start,
    window,
    cap,
    scale,
    lengths: lengths ? 'rows' : keyLengths ? 'keys' : undefined,
    mask: mask && (mask.dtype === 'f32' ? 'numbers' : 'words'),
  };
}

/** The mask with all four axes. @throws {ShapeError} */
function maskOf([batches, tokens, heads]: Shape, keys: number, { mask }: AttentionOptions): Tensor | undefined {
  if (!mask) return undefined;
  const shape = [...Array<number>(Math.max(0, 4 - mask.shape.length)).fill(1), ...mask.shape];
  const fits = broadcastsTo(shape, [batches!, heads!, tokens!, keys]) && shape[3] === keys;
  expectShape(
    fits,
    'attention',
    `a mask (B|1, H|1, T|1, S) of [${[batches, heads, tokens, keys].join(', ')}]`,
    mask.shape,
  );
  return reshape(mask, shape);
}
