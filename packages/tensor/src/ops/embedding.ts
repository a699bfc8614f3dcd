// Rows of a table by token, and the scatter of their gradients without atomics.
import { embeddingBackward, embeddingLinks, embedding as kernel } from '@lockstep/kernels';
import { defineOp, type Op } from '../autograd/op.ts';
import { rowTeams } from '../device/row-teams.ts';
import { expectDType } from '../dtype.ts';
import type { Dispatcher } from '../device/dispatcher.ts';
import { type Piece, pieces, rowPieces } from '../device/pieces.ts';
import { expectShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';

/**
 * Rows of `table` (V, C) by `tokens` (…), of u32: (…, C). A token that is not below V gives zeros and no gradient.
 * Gradients of positions with the same token are added in the order of positions. Backward compares every two
 * positions of a shard, so a shard should hold thousands of them at most. @throws {ShapeError}
 */
export const embedding: Op<[tokens: Tensor, table: Tensor]> = defineOp({
  name: 'embedding',
  shards: 'together',
  shape([tokens, table]) {
    expectShape(table.length === 2, 'embedding', '(…) and (V, C)', tokens, table);
    return [...tokens, table[1]!];
  },
  dtype([tokens, table]) {
    expectDType('embedding', 'tokens', tokens!, 'u32');
    return table!;
  },
  forward(device, [tokens, table], y) {
    const columns = table.shape[1]!;
    for (const { start, size } of tableRows(device, table)) {
      const rows = size / columns;
      const part = device.view(table, start, [size]);
      const params = { start: start / columns, vocabulary: rows, columns, isFirst: start === 0 ? 1 : 0 };
      for (const piece of rowPieces(device, tokens.count, [tokens, y])) {
        const { workgroups, constants } = rowTeams(device, piece.rows, columns);
        const bound = { tokens: piece.part(tokens), table: part, y: piece.part(y) };
        const work = { bytes: piece.rows * (4 + 8 * columns) };
        device.run(kernel, bound, { positions: piece.rows, ...params }, workgroups, constants, work);
      }
    }
  },
  reads: [0],
  backward(device, { inputs: [tokens, table], dy, gradient }) {
    const [vocabulary, columns] = table.shape as [number, number];
    const [shards, positions] = [tokens.shards ?? 1, tokens.size];
    const [next, first] = [tokens, tokens].map(({ shape }) => device.empty(shape, 'u32', tokens.shards)) as [
      Tensor,
      Tensor,
    ];
    const linkGroups = shards * Math.ceil(positions / embeddingLinks.constants.lanes);
    device.run(embeddingLinks, { tokens, next, first }, { shards, positions, vocabulary }, device.grid(linkGroups));
    const dtable = gradient(1);
    device.fill(dtable, 0);
    for (const { start, size } of tableRows(device, dtable)) {
      const bound = { tokens, next, first, dy, dtable: device.view(dtable, start, [size]) };
      const params = { shards, positions, vocabulary, columns, start: start / columns, rows: size / columns };
      const work = { flops: tokens.count * columns, bytes: tokens.count * (12 + 8 * columns) };
      device.run(embeddingBackward, bound, params, device.grid(tokens.count), {}, work);
    }
  },
});

/** The rows of a table, of all shards, in pieces that can be bound. */
function tableRows(device: Dispatcher, table: Tensor): Piece[] {
  return pieces(device, table.count, 64 * table.shape[1]!, [table]);
}
