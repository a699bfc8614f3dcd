// Rotary position embedding, and the table of its angles.
import { rotary as kernel } from '@lockstep/kernels';
import { defineOp, type Op } from '../autograd/op.ts';
import type { Device } from '../device/device.ts';
import type { Dispatcher } from '../device/dispatcher.ts';
import { rowPieces } from '../device/pieces.ts';
import { expectShape, sameShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { type AttentionHeads, packedSizes } from './attention-heads.ts';

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

/**
 * Turns the query and key heads of `qkv` (B, T, (heads + 2·kvHeads)·D) by the angles of their rows' `positions` (B, T) in
 * `table` (context, D) of {@link rotaryTable}; values pass unchanged. Pairs are elements c and c + D/2 of a head, as in
 * Hugging Face's Llama. Positions beyond the table count as its last. Su et al. 2021 (RoFormer).
 * @throws {ShapeError}
 */
export const rotary: Op<[qkv: Tensor, positions: Tensor, table: Tensor], AttentionHeads> = defineOp({
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

function turn(device: Dispatcher, tensors: Turned, options: AttentionHeads, direction: 1 | -1): void {
  const { batches, tokens, kvHeads, headSize } = packedSizes('rotary', tensors.x.shape, options);
  const { heads } = options;
  const context = tensors.table.shape[0]!;
  const { x, positions, y, table } = tensors;
  for (const { rows, part } of rowPieces(device, batches * tokens * (x.shards ?? 1), [x, positions, y])) {
    const params = { rows, slots: heads + 2 * kvHeads, rotated: heads + kvHeads, context, direction };
    const bound = { x: part(x), positions: part(positions), y: part(y), table };
    device.run(kernel, bound, params, device.grid(rows), { head_size: headSize });
  }
}
