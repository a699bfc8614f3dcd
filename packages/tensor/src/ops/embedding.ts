// Rows of a table by token, and the scatter of their gradients without atomics.
import { embeddingBackward, embeddingLinks, embedding as kernel } from '@lockstep/kernels';
import { defineOp, type Op } from '../autograd/op.ts';
import { rowTeams } from '../device/row-teams.ts';
import { expectDType } from '../dtype.ts';
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
    const [vocabulary, columns] = table.shape as [number, number];
    const { workgroups, constants } = rowTeams(device, tokens.count, columns);
    device.run(kernel, { tokens, table, y }, { positions: tokens.count, vocabulary, columns }, workgroups, constants);
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
    const params = { shards, positions, vocabulary, columns };
    device.run(embeddingBackward, { tokens, next, first, dy, dtable }, params, device.grid(tokens.count));
  },
});
