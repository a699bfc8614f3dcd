// Where the operands of attention lie, and the parts in which an adapter can bind them: all shards, batches and heads at once if it
// can, else some at a time. A row is never cut, so parts change no bit.
import type { Dispatcher } from '../device/dispatcher.ts';
import { cut, type Operand, type Range, rangeOf, type Walk } from '../fuse/walk.ts';
import type { Layout } from '../graph/layout.ts';
import type { Tensor } from '../tensor.ts';

/** The sizes of one shard. */
export interface AttentionSizes {
  readonly batches: number;
  readonly heads: number;
  readonly kvHeads: number;
  /** Rows of queries. */
  readonly tokens: number;
  /** Rows of keys and values. */
  readonly keys: number;
  readonly headSize: number;
}

/** Steps along the axes that a walk over all operands has: in a group of heads all look at the same keys. */
interface Steps {
  readonly shard: number;
  readonly batch: number;
  readonly group?: number;
  readonly member?: number;
  readonly query?: number;
  readonly key?: number;
  readonly column?: number;
  /** To a second place that is bound together with the first. */
  readonly second?: number;
}

const axes = ['shard', 'batch', 'group', 'member', 'query', 'key', 'column', 'second'] as const;
/** Axes along which a walk may be cut. */
const outer = 3;

const roles = ['q', 'k', 'v', 'y', 'lse', 'mask', 'lengths', 'dq', 'dk', 'dv'] as const;
type Role = (typeof roles)[number];

/** A tensor in memory, and the steps from one of its elements to the next. */
export interface Placed {
  readonly tensor: Tensor;
  readonly steps: Steps;
}

const layoutOf = (tensor: Tensor): Layout => tensor.stored!.layout;

/** Rows of queries, their outputs, or gradients of either: (B, T, H, D). */
export function queryRows(tensor: Tensor, { heads, kvHeads }: AttentionSizes): Placed {
  const { shard, strides } = layoutOf(tensor);
  const [batch, query, member] = strides as [number, number, number];
  return { tensor, steps: { shard, batch, group: (heads / kvHeads) * member, member, query, column: 1 } };
}

/** Rows of keys or values, or their gradients: (B, S, KV, D). With `second`, others lie as many elements further on. */
export function keyRows(tensor: Tensor, second = 0): Placed {
  const { shard, strides } = layoutOf(tensor);
  const [batch, key, group] = strides as [number, number, number];
  return { tensor, steps: { shard, batch, group, key, column: 1, second } };
}

/** A number for each row of queries (B, H, T), or one more for each head. */
export function rowNumbers(tensor: Tensor, { heads, kvHeads, tokens }: AttentionSizes): Placed {
  const { shard, strides } = layoutOf(tensor);
  const [batch, member] = strides as [number, number];
  const second = tensor.shape[2]! - tokens;
  return { tensor, steps: { shard, batch, group: (heads / kvHeads) * member, member, query: 1, second } };
}

/** A mask (B|1, H|1, T|1, S), or its gradient. */
export function maskRows(tensor: Tensor, { heads, kvHeads }: AttentionSizes): Placed {
  const { shard, strides } = layoutOf(tensor);
  const [batch, member, query] = strides.map((step, axis) => (tensor.shape[axis] === 1 ? 0 : step)) as [
    number,
    number,
    number,
  ];
  return { tensor, steps: { shard, batch, group: (heads / kvHeads) * member, member, query, key: 1 } };
}

/** A number for each batch (B). */
export function batchNumbers(tensor: Tensor): Placed {
  const { shard, strides } = layoutOf(tensor);
  return { tensor, steps: { shard, batch: strides[0]! } };
}

/** A part of the work: what is bound, and what the kernels are told. */
export interface AttentionPart {
  readonly bound: Readonly<Record<string, Range>>;
  readonly params: Readonly<Record<PartParam, number>>;
  /** Batches of all shards. */
  readonly sequences: number;
  readonly sizes: AttentionSizes;
}

type Place = 'first' | 'shard' | 'batch' | 'head' | 'row';
type PartParam =
  | 'shards'
  | 'batches'
  | 'heads'
  | 'kv_heads'
  | 'mask_batches'
  | 'mask_heads'
  | `${Exclude<Role, 'lse' | 'lengths'>}_${Place}`
  | `lse_${Exclude<Place, 'row'>}`
  | `lengths_${'first' | 'shard' | 'batch'}`;

/** What is bound under the name of a role or another, `dy` beside `y`. */
export type AttentionOperands = Readonly<Partial<Record<Role | 'dy', Placed>>>;

export function attentionParts(
  device: Dispatcher,
  sizes: AttentionSizes,
  { shards, operands }: { readonly shards: number; readonly operands: AttentionOperands },
): AttentionPart[] {
  const names = Object.keys(operands) as (Role | 'dy')[];
  const { batches, heads, kvHeads, tokens, keys, headSize } = sizes;
  const lengths = [shards, batches, kvHeads, heads / kvHeads, tokens, keys, headSize, 2];
  const walk: Walk = { lengths, operands: names.map((name) => operandOf(operands[name]!)) };
  return cut(walk, device.limits.maxStorageBufferBindingSize, outer).map((part) => {
    // Axes that have been cut to a length of 1 are gone.
    const left = part.lengths.slice(0, part.lengths.length - (axes.length - outer));
    const [ownShards, ownBatches, ownGroups] = [...Array<number>(outer - left.length).fill(1), ...left] as [
      number,
      number,
      number,
    ];
    const own = { ...sizes, batches: ownBatches, kvHeads: ownGroups, heads: ownGroups * (heads / kvHeads) };
    const ranges = part.operands.map((operand) => rangeOf(operand, part.lengths));
    const bound = Object.fromEntries(names.map((name, i) => [name, ranges[i]!]));
    return {
      bound,
      params: paramsOf(operands, { bound, shards: ownShards, sizes: own }),
      sequences: ownShards * ownBatches,
      sizes: own,
    };
  });
}

function operandOf({ tensor, steps }: Placed): Operand {
  const { memory, layout } = tensor.stored!;
  const strides = axes.map((axis) => steps[axis] ?? 0);
  return { memory, dtype: tensor.dtype, offset: layout.offset, strides };
}

function paramsOf(
  operands: AttentionOperands,
  {
    bound,
    shards,
    sizes,
  }: { readonly bound: AttentionPart['bound']; readonly shards: number; readonly sizes: AttentionSizes },
): AttentionPart['params'] {
  const { batches, heads, kvHeads } = sizes;
  const mask = operands.mask?.tensor.shape;
  const params: Record<string, number> = {
    shards,
    batches,
    heads,
    kv_heads: kvHeads,
    mask_batches: mask?.[0] === 1 ? 1 : batches,
    mask_heads: mask?.[1] === 1 ? 1 : heads,
  };
  for (const role of roles) {
    const steps: Steps = operands[role]?.steps ?? { shard: 0, batch: 0 };
    const { shard, batch, member, group = 0, query, key = 0 } = steps;
    params[`${role}_first`] = bound[role]?.offset ?? 0;
    params[`${role}_shard`] = shard;
    params[`${role}_batch`] = batch;
    if (role !== 'lengths') params[`${role}_head`] = member ?? group;
    if (role !== 'lengths' && role !== 'lse') params[`${role}_row`] = query ?? key;
  }
  return params as AttentionPart['params'];
}

/** A tensor whose last axis lies element by element: itself, or a copy. */
export function withColumns(device: Dispatcher, tensor: Tensor): Tensor {
  const { strides } = layoutOf(tensor);
  if (strides.at(-1) === 1 || tensor.shape.at(-1) === 1) return tensor;
  const copy = device.empty(tensor.shape, tensor.dtype, tensor.shards);
  device.copy(tensor, copy);
  return copy;
}
