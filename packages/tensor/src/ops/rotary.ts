// Rotary position embedding, and the table of its angles.
import { rotary as kernel } from '@lockstep/kernels';
import { defineElementwise, type ElementwiseOp, type Operand } from '../autograd/elementwise.ts';
import { defineOp, type Op } from '../autograd/op.ts';
import type { Device } from '../device/device.ts';
import type { Dispatcher } from '../device/dispatcher.ts';
import { rowPieces } from '../device/pieces.ts';
import { denseLayout } from '../graph/layout.ts';
import { expectShape, sameShape, type Shape } from '../shape.ts';
import { Tensor } from '../tensor.ts';
import { add, mul, sub } from './arithmetic.ts';
import { along } from './along.ts';
import { type AttentionHeads, packedSizes } from './attention-heads.ts';
import { cast } from './cast.ts';
import { less } from './comparison.ts';
import { exp } from './exponential.ts';
import { full } from './full.ts';
import { transpose } from './permute.ts';
import { reshape } from './reshape.ts';
import { where } from './where.ts';
import { words } from './words.ts';

export interface RotaryTableOptions {
  /** Number of positions. */
  readonly context: number;
  /** Elements of a head; even. */
  readonly headSize: number;
  /** Pair `c` turns by `base^(−2c/headSize)` radians per position. */
  readonly base?: number;
}

/** Cosines, then sines, of every position's angles, computed in double precision: (context, headSize). @throws {ShapeError} */
export function rotaryTable(device: Device, { context, headSize, base = 10_000 }: RotaryTableOptions): Tensor {
  expectShape(headSize % 2 === 0, 'rotaryTable', 'an even head size', [headSize]);
  const half = headSize / 2;
  const angle = (i: number): number => Math.floor(i / headSize) * base ** (-(i % half) / half);
  const part = (i: number): number => (i % headSize < half ? Math.cos : Math.sin)(angle(i));
  return device.tensor(
    Float32Array.from({ length: context * headSize }, (_, i) => part(i)),
    [context, headSize],
  );
}

export interface RotaryOptions {
  /** Pair `c` turns by `base^(−2c/D)` radians per position; 10,000 unless given. */
  readonly base?: number;
}

/**
 * Turns the query and key heads of `qkv` (B, T, (heads + 2·kvHeads)·D) by the angles of their rows' `positions` (B, T) in
 * `table` (context, D) of {@link rotaryTable}; values pass unchanged. Pairs are elements c and c + D/2 of a head, as in
 * Hugging Face's Llama. Positions beyond the table count as its last. Su et al. 2021 (RoFormer).
 * @throws {ShapeError}
 */
export function rotary(qkv: Tensor, positions: Tensor, table: Tensor, options: AttentionHeads): Tensor;
/**
 * Turns each head of `x` (B, H, T, D), D even, by the angles of its rows' `positions` (B, T), as for {@link split} with `heads`. Angles are
 * computed on the device; the result lies row by row, (B, T, H, D), as {@link attention} reads it best.
 */
export function rotary(x: Tensor, positions: Tensor, options?: RotaryOptions): Tensor;
export function rotary(
  x: Tensor,
  positions: Tensor,
  table: Tensor | RotaryOptions = {},
  options?: AttentionHeads,
): Tensor {
  return table instanceof Tensor ? packedRotary(x, positions, table, options!) : ofHeads(x, positions, table);
}

function ofHeads(x: Tensor, positions: Tensor, { base = 10_000 }: RotaryOptions): Tensor {
  const [batch = 0, heads = 0, tokens = 0, headSize = 1] = x.shape;
  const fits = x.shape.length === 4 && headSize % 2 === 0 && sameShape(positions.shape, [batch, tokens]);
  expectShape(fits, 'rotary', '(B, H, T, D) and (B, T) with D even', x.shape, positions.shape);
  if (x.size === 0) return x;
  const table = tableOf(positions, { headSize, base });
  // One table serves all shards of x, but each shard of positions wants heads of its own.
  const isShared = x.shards === undefined && table.shards !== undefined;
  const own = isShared ? add(x, full(x.device, [], 0, { shards: table.shards })) : x;
  return transpose(reshape(turnedHeads(own, table), [batch, tokens, heads, headSize]), 1, 2);
}

/** Cosines, then sines, of the angles of each position: (B·T, D). */
function tableOf(positions: Tensor, { headSize, base }: { headSize: number; base: number }): Tensor {
  const half = headSize / 2;
  const place = along({ device: positions.device, shape: [headSize] }, [0]);
  const isCosine = less(place, half);
  const pair = sub(place, where(isCosine, 0, half));
  const turns = exp(mul(cast(pair, 'f32'), -Math.log(base) / half)); // (D)
  const angles = mul(reshape(cast(positions, 'f32'), [-1, 1]), turns); // (B·T, D)
  return cosineOrSine(isCosine, angles);
}

/** One op, so that each angle is computed in the kernel that needs it. */
const cosineOrSine: ElementwiseOp<[isCosine: Operand, angle: Operand]> = defineElementwise({
  name: 'cosineOrSine',
  takes: 'number',
  truths: [0],
  wgsl: 'select(sine(b), cosine(b), a != 0u)',
  uses: ['ieee754', 'trigonometry'],
  reference: (isCosine, angle) => (isCosine ? Math.cos : Math.sin)(angle),
});

/** Turns all heads of each row by a row of the table of its own: (B, H, T, D) to (B, T, H·D). */
const turnedHeads: Op<[x: Tensor, table: Tensor]> = defineOp({
  name: 'rotary',
  shards: 'together',
  shape: ([[batch, heads, tokens, headSize]]) => [batch!, tokens!, heads! * headSize!],
  forward: (device, [x, table], y) => turnRows(device, { x, table, y }, 1),
  reads: [1],
  backward: (device, { inputs: [, table], dy, gradient }) => turnRows(device, { x: dy, table, y: gradient(0) }, -1),
});

const packedRotary: Op<[qkv: Tensor, positions: Tensor, table: Tensor], AttentionHeads> = defineOp({
  name: 'rotary',
  shards: 'together',
  shape([qkv, positions, table], options) {
    const { batches, tokens, headSize } = packedSizes('rotary', qkv, options);
    const even = headSize % 2 === 0 && table.length === 2 && table[1] === headSize;
    const fits = even && sameShape(positions, [batches, tokens]);
    expectShape(fits, 'rotary', '(B, T, …·D), (B, T) and (context, D) with D even', qkv, positions, table);
    return qkv;
  },
  forward(device, [x, positions, table], y, options) {
    turn(device, { x, positions, table, y }, options, 1);
  },
  // A rotation's inverse is its transpose, the rotation back.
  reads: [1, 2],
  backward(device, { inputs: [, positions, table], dy, gradient }, options) {
    turn(device, { x: dy, positions, table, y: gradient(0) }, options, -1);
  },
});

type Turned = Record<'x' | 'positions' | 'table' | 'y', Tensor>;

type Rows = Record<'x' | 'table' | 'y', Tensor>;

/** Forward reads heads that lie by themselves, and writes rows; going back it is the other way round. */
function turnRows(device: Dispatcher, { x, table, y }: Rows, direction: 1 | -1): void {
  const heads = direction === 1 ? x : y; // (B, H, T, D)
  const isWhole = heads.stored!.memory.parts.length === 1;
  if (isWhole && (4 * heads.size) / heads.shape[0]! <= device.limits.maxStorageBufferBindingSize)
    return turnPieces(device, { x, table, y }, { direction, tokens: heads.shape[2]! });
  // A sequence that no binding holds is brought into rows, which may be cut anywhere.
  const rows = device.empty((direction === 1 ? y : x).shape, 'f32', x.shards);
  if (direction === 1) device.copy(byRow(x), inHeads(rows, heads.shape));
  turnPieces(device, direction === 1 ? { x: rows, table, y } : { x, table, y: rows }, { direction, tokens: 1 });
  if (direction === -1) device.copy(inHeads(rows, heads.shape), byRow(y));
}

/** (B, H, T, D) in memory as (B, T, H, D). */
function byRow({ device, shape, dtype, shards, stored }: Tensor): Tensor {
  const { memory, layout } = stored!;
  const turned = <Value>([batch, heads, tokens, column]: readonly Value[]): Value[] => [
    batch!,
    tokens!,
    heads!,
    column!,
  ];
  const form = { shape: turned(shape), dtype, shards };
  return new Tensor(device, form, { memory, layout: { ...layout, strides: turned(layout.strides) } });
}

/** (B, T, H·D) in memory as (B, T, H, D). @param heads the shape (B, H, T, D) */
function inHeads({ device, dtype, shards, stored }: Tensor, [batch, heads, tokens, headSize]: Shape): Tensor {
  const { memory, layout } = stored!;
  const shape = [batch!, tokens!, heads!, headSize!];
  return new Tensor(device, { shape, dtype, shards }, { memory, layout: denseLayout(shape, shards, layout.offset) });
}

/**
 * Each row meets the row of the table at its own place, of its shard or of every shard.
 * @param tokens rows in which heads lie by themselves; where that is 1, a row's lie beside each other
 */
function turnPieces(
  device: Dispatcher,
  { x, table, y }: Rows,
  { direction, tokens }: { readonly direction: 1 | -1; readonly tokens: number },
): void {
  const headSize = table.shape[1]!;
  const isOwn = table.shards === x.shards;
  const rowsOfAll = isOwn ? table.count / headSize : table.shape[0]! * x.shards!;
  const slots = x.count / (rowsOfAll * headSize);
  const form = { head_size: headSize, by_row: 1, ...(direction === 1 ? { x_apart: 1 } : { y_apart: 1 }) };
  for (const { start, rows: some, part } of rowPieces(device, rowsOfAll / tokens, isOwn ? [x, table, y] : [x, y])) {
    const rows = some * tokens;
    const place = isOwn ? { context: rows, first: 0 } : { context: table.shape[0]!, first: start * tokens };
    const params = { rows, slots, rotated: slots, direction, tokens, ...place };
    const bound = { x: part(x), positions: words(device.nowhere), table: isOwn ? part(table) : table, y: part(y) };
    device.run(kernel, bound, params, device.grid(rows), form);
  }
}

function turn(device: Dispatcher, tensors: Turned, options: AttentionHeads, direction: 1 | -1): void {
  const { batches, tokens, kvHeads, headSize } = packedSizes('rotary', tensors.x.shape, options);
  const { heads } = options;
  const context = tensors.table.shape[0]!;
  const { x, positions, y, table } = tensors;
  for (const { rows, part } of rowPieces(device, batches * tokens * (x.shards ?? 1), [x, positions, y])) {
    const params = {
      rows,
      slots: heads + 2 * kvHeads,
      rotated: heads + kvHeads,
      context,
      direction,
      tokens: 1,
      first: 0,
    };
    const bound = { x: part(x), positions: part(positions), y: part(y), table };
    // Of each number two products and a sum.
    const work = { flops: 3 * rows * params.rotated * headSize };
    device.run(kernel, bound, params, device.grid(rows), { head_size: headSize }, work);
  }
}
