// Attention as an op with kernels: what forward and backward dispatch, of operands in any layout. What users call, and what its
// options mean, is in `attention.ts`.
import { attentionSlopes } from '@lockstep/kernels';
import { type Backward, defineOp, type Op } from '../autograd/op.ts';
import type { Dispatcher } from '../device/dispatcher.ts';
import { expectDType } from '../dtype.ts';
import type { Shape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import {
  type AttentionOperands,
  type AttentionPart,
  attentionParts,
  type AttentionSizes,
  batchNumbers,
  keyRows,
  maskRows,
  queryRows,
  rowNumbers,
  withColumns,
} from './attention-operands.ts';
import { planAttention, planInTiles } from './attention-plan.ts';
import { range } from './range.ts';

/** What a query sees, and what becomes of a score. */
export interface Sight {
  readonly causal: boolean;
  /** Where the first query stands among the keys. */
  readonly start: number;
  readonly window: number | undefined;
  readonly cap: number | undefined;
  /** 1/√D unless given. */
  readonly scale: number | undefined;
  /** What a batch's length says: how many of its keys count, or of its queries, too. */
  readonly lengths: 'keys' | 'rows' | undefined;
  /** What the mask holds: words of which 0 hides, or numbers that are added to scores. */
  readonly mask: 'words' | 'numbers' | undefined;
}

export interface AttentionOpOptions extends Sight {
  /** Heads of queries and of keys, where queries, keys and values are one tensor, head beside head. */
  readonly packed?: { readonly heads: number; readonly kvHeads: number };
}

/**
 * Inputs: queries (B, T, H, D), keys and values (B, S, KV, D), or all in one (B, T, H + 2·KV, D); then the mask (B|1, H|1, T|1, S) and
 * the lengths (B), where there are such. Output: (B, T, H, D). None of them is empty.
 */
export const attentionOp: Op<readonly Tensor[], AttentionOpOptions> = defineOp<readonly Tensor[], AttentionOpOptions>({
  name: 'attention',
  shards: 'together',
  anyLayout: [0, 1, 2, 3, 4],
  shape(shapes, options) {
    const { batches, tokens, heads, headSize } = sizesOf(shapes, options);
    return [batches, tokens, heads, headSize];
  },
  dtype(dtypes, options) {
    const [mask, lengths] = dtypes.slice(operandCount(options));
    for (const dtype of dtypes.slice(0, operandCount(options)))
      expectDType('attention', 'queries, keys and values', dtype, 'f32');
    if (options.mask) expectDType('attention', 'a mask', mask!, 'u32', 'f32');
    if (options.lengths) expectDType('attention', 'lengths', (options.mask ? lengths : mask)!, 'u32');
    return 'f32';
  },
  // The log-sum-exp of each row's scores; after a head's rows, where there are lengths, that of its batch.
  saves(shapes, options) {
    const { batches, tokens, heads } = sizesOf(shapes, options);
    return [{ shape: [batches, heads, tokens + (options.lengths ? 1 : 0)] }];
  },
  forward(device, inputs, y, options, [lse]) {
    const { sizes, operands } = operandsOf(device, inputs, options);
    const all = { ...operands, y: queryRows(y, sizes), lse: rowNumbers(lse!, sizes) };
    for (const part of attentionParts(device, sizes, { shards: y.shards ?? 1, operands: all }))
      dispatchForward(device, part, options);
  },
  backward(device, context, options) {
    const { sizes, operands } = operandsOf(device, context.inputs, options);
    const { y, dy, saved, needs } = context;
    const shards = dy.shards ?? 1;
    const read = { y: queryRows(y, sizes), dy: queryRows(dy, sizes), lse: rowNumbers(saved[0]!, sizes) };
    const all = { ...operands, ...read, ...gradientsOf(device, context, { sizes, options }) };
    if (all.dq || all.dk)
      for (const part of attentionParts(device, sizes, { shards, operands: all }))
        dispatchBackward(device, part, options);
    const mask = operandCount(options);
    if (!options.mask || !needs[mask]) return;
    device.fill(context.gradient(mask), 0);
    const ofMask = { ...operands, ...read, dk: maskRows(context.gradient(mask), sizes) };
    for (const part of attentionParts(device, sizes, { shards, operands: ofMask }))
      dispatchMaskGradient(device, part, options);
  },
});

const operandCount = ({ packed }: AttentionOpOptions): number => (packed ? 1 : 3);

/** @throws {ShapeError} */
function sizesOf(shapes: readonly Shape[], options: AttentionOpOptions): AttentionSizes {
  if (!options.packed) return sizesApart(shapes as readonly [Shape, Shape]);
  const { heads, kvHeads } = options.packed;
  const [batches = 0, tokens = 0, , headSize = 0] = shapes[0]!;
  return { batches, heads, kvHeads, tokens, keys: tokens, headSize };
}

function sizesApart([q, k]: readonly [Shape, Shape]): AttentionSizes {
  const [batches = 0, tokens = 0, heads = 0, headSize = 0] = q;
  const [, keys = 0, kvHeads = 0] = k;
  return { batches, heads, kvHeads, tokens, keys, headSize };
}

/** The operands that forward and backward read, wherever they lie. */
function operandsOf(
  device: Dispatcher,
  inputs: readonly Tensor[],
  options: AttentionOpOptions,
): { sizes: AttentionSizes; operands: AttentionOperands } {
  const shapes = inputs.map(({ shape }) => shape);
  const sizes = sizesOf(shapes, options);
  const [q, k, v] = partsOf(inputs, options).map((tensor) => withColumns(device, tensor)) as [Tensor, Tensor, Tensor];
  const extra = inputs.slice(operandCount(options));
  const mask = options.mask ? maskRows(withColumns(device, extra[0]!), sizes) : undefined;
  const lengths = options.lengths ? batchNumbers(extra.at(-1)!) : undefined;
  const operands = { q: queryRows(q, sizes), k: keyRows(k), v: keyRows(v) };
  return { sizes, operands: { ...operands, ...(mask && { mask }), ...(lengths && { lengths }) } };
}

/** Queries, keys and values. */
function partsOf([first, second, third]: readonly Tensor[], { packed }: AttentionOpOptions): readonly Tensor[] {
  return packed ? slots(first!, packed) : [first!, second!, third!];
}

/** Queries, keys and values of one tensor. */
function slots(x: Tensor, { heads, kvHeads }: { heads: number; kvHeads: number }): readonly Tensor[] {
  return [
    range(x, 2, { start: 0, length: heads }),
    range(x, 2, { start: heads, length: kvHeads }),
    range(x, 2, { start: heads + kvHeads, length: kvHeads }),
  ];
}

/** Where gradients of queries, keys and values are written, as far as they are wanted. */
function gradientsOf(
  device: Dispatcher,
  { inputs, needs, dy, gradient }: Backward,
  { sizes, options }: { readonly sizes: AttentionSizes; readonly options: AttentionOpOptions },
): Pick<AttentionOperands, 'dq' | 'dk' | 'dv'> {
  if (options.packed) {
    if (!needs[0]) return {};
    const [dq, dk] = slots(gradient(0), options.packed) as [Tensor, Tensor];
    return { dq: queryRows(dq, sizes), dk: keyRows(dk, sizes.kvHeads * sizes.headSize) };
  }
  // Keys and values have their gradients from one kernel, whether both are wanted or not.
  const wanted = (input: number): Tensor =>
    needs[input] ? gradient(input) : device.empty(inputs[input]!.shape, 'f32', dy.shards);
  return {
    ...(needs[0] && { dq: queryRows(gradient(0), sizes) }),
    ...((needs[1] || needs[2]) && { dk: keyRows(wanted(1)), dv: keyRows(wanted(2)) }),
  };
}

/** What all kernels are told beside what is a part's own. */
function paramsOf({ sizes, params }: AttentionPart, columns: number, { cap, start, window, scale }: Sight) {
  const { tokens, keys, headSize } = sizes;
  return {
    ...params,
    tokens,
    keys,
    head_size: headSize,
    columns,
    scale: scale ?? 1 / Math.sqrt(headSize),
    cap: cap ?? 1,
    start,
    // Enough to see everything, and no more than what fits into 32 bits beside other places.
    window: Math.min(window ?? 0, tokens + keys + Math.abs(start)),
  };
}

/** What is compiled into all kernels. */
function sightOf({ causal, window, cap, lengths, mask }: Sight): Record<string, number> {
  return {
    causal: Number(causal),
    windowed: Number(window !== undefined),
    padded: lengths === undefined ? 0 : lengths === 'keys' ? 1 : 2,
    masked: mask === undefined ? 0 : mask === 'words' ? 1 : 2,
    capped: Number(cap !== undefined),
  };
}

/** Terms of all scores that are seen, masks and lengths left aside. */
function termsOf({ sequences, sizes }: AttentionPart, { causal, start, window = Infinity }: Sight): number {
  const { tokens, keys, heads, headSize } = sizes;
  let seen = 0;
  for (let t = start; t < start + tokens; t++) {
    const last = causal ? t : t + window - 1;
    seen += Math.max(0, Math.min(keys, last + 1) - Math.max(0, t - window + 1));
  }
  return sequences * heads * headSize * seen;
}

/** Workgroups when each of a number of heads of a sequence has its own, so many of them. */
function groupsOf(device: Dispatcher, part: AttentionPart, heads: number, each: number): [number, number, number] {
  return device.grid(part.sequences * heads * Math.ceil(each));
}

function dispatchForward(device: Dispatcher, part: AttentionPart, options: Sight): void {
  const { bound, sizes } = part;
  const plan = planAttention(device, sizes.headSize);
  const { q, k, v, y, lse } = bound;
  // A binding that the constants switch off still needs a buffer.
  const tensors = { q: q!, k: k!, v: v!, mask: bound['mask'] ?? q!, lengths: bound['lengths'] ?? q!, y: y!, lse: lse! };
  const constants = { ...plan.constants, ...sightOf(options) };
  const groups = groupsOf(device, part, sizes.heads, sizes.tokens / plan.rows);
  // Scores, and what they weigh.
  const work = { flops: 4 * termsOf(part, options) };
  device.run(plan.forward, tensors, paramsOf(part, plan.constants.columns, options), groups, constants, work);
}

function dispatchBackward(device: Dispatcher, part: AttentionPart, options: AttentionOpOptions): void {
  const { bound, sizes } = part;
  const plan = planAttention(device, sizes.headSize);
  const { q, k, v, y, dy, lse, mask, dq, dk, dv } = bound as Record<string, NonNullable<(typeof bound)[string]>>;
  const params = paramsOf(part, plan.constants.columns, options);
  const constants = { ...plan.constants, ...sightOf(options) };
  const saved = savedFor(device, part);
  if (mask || !dq) dispatchSlopes(device, part, { saved, options });
  if (dq) {
    const tensors = { q: q!, k: k!, v: v!, y_or_mask: mask ?? y!, dy: dy!, lse: lse!, dq, saved };
    const groups = groupsOf(device, part, sizes.heads, sizes.tokens / plan.rows);
    // Scores again, their gradients, and the queries'.
    device.run(plan.queryGradient, tensors, params, groups, constants, { flops: 6 * termsOf(part, options) });
  }
  if (!dk) return;
  const tensors = { q: q!, k: k!, v: v!, mask: mask ?? q!, dy: dy!, saved, dk, dv: dv ?? device.nowhere };
  const groups = groupsOf(device, part, sizes.kvHeads, sizes.keys / plan.rows);
  const own = { ...constants, packed: dv ? 0 : 1 };
  // Scores again, their gradients, the keys' and the values'.
  const work = { flops: 8 * termsOf(part, options) };
  device.run(plan.keyGradient, tensors, dv ? params : packedParams(params, options), groups, own, work);
}

/** Where gradients of keys and values lie in one tensor, head beside head. */
function packedParams<Params extends Record<string, number>>(params: Params, { packed }: AttentionOpOptions): Params {
  const at = (place: string): number => params[`dk_${place}`]!;
  const values = packed!.kvHeads * params['head_size']!;
  return {
    ...params,
    dv_first: at('first') + values,
    dv_shard: at('shard'),
    dv_batch: at('batch'),
    dv_head: at('head'),
    dv_row: at('row'),
  };
}

function dispatchMaskGradient(device: Dispatcher, part: AttentionPart, options: Sight): void {
  const { bound, sizes } = part;
  const plan = planInTiles(device, sizes.headSize);
  const { q, k, v, dy, mask, dk } = bound as Record<string, NonNullable<(typeof bound)[string]>>;
  const saved = savedFor(device, part);
  dispatchSlopes(device, part, { saved, options });
  const params = paramsOf(part, plan.constants.columns, options);
  const shards = part.params.shards;
  const heads = shards * part.params.mask_batches * part.params.mask_heads;
  device.run(
    plan.keyGradient,
    { q: q!, k: k!, v: v!, mask: mask!, dy: dy!, saved, dk: dk!, dv: device.nowhere },
    params,
    device.grid(heads * Math.ceil(sizes.keys / plan.rows)),
    { ...plan.constants, ...sightOf(options), of_mask: 1 },
  );
}

/** Room for two numbers of each row, and of each head. */
function savedFor(device: Dispatcher, { sequences, sizes }: AttentionPart): Tensor {
  return device.empty([sequences * sizes.heads * (sizes.tokens + 1), 2]);
}

function dispatchSlopes(
  device: Dispatcher,
  part: AttentionPart,
  { saved, options }: { readonly saved: Tensor; readonly options: Sight },
): void {
  const { y, dy, lse } = part.bound;
  const { lanes } = attentionSlopes.constants;
  const { padded } = sightOf(options);
  device.run(
    attentionSlopes,
    { y: y!, dy: dy!, lse: lse!, saved },
    paramsOf(part, 0, options),
    device.grid(Math.ceil(saved.count / 2 / lanes)),
    { padded: padded! },
  );
}
