// Rows of a table by token, and the scatter of their gradients without atomics.
import { embeddingBackward, embeddingLinks, embedding as kernel } from '@lockstep/kernels';
import type { Device } from '../device.ts';
import { expectWords } from '../expect-words.ts';
import { defineOp, type Op } from '../op.ts';
import { rowTeams } from '../row-teams.ts';
import { expectShape, type Shape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';

/**
 * Rows of `table` (V, C) by `tokens` (…), of u32: (…, C). A token that is not below V gives zeros and no gradient.
 * Gradients of positions with the same token are added in the order of positions. Backward compares every two
 * positions of a shard, so a shard should hold thousands of them at most. @throws {ShapeError}
 */
export const embedding: Op<[tokens: Tensor, table: Tensor]> = defineOp({
  name: 'embedding',
  arity: 2,
  shape([tokens, table]) {
    expectShape(table.length === 2, 'embedding', '(…) and (V, C)', tokens, table);
    return [...tokens, table[1]!];
  },
  forward(device, [tokens, table], y) {
    expectWords('embedding', 'tokens', tokens);
    const [vocabulary, columns] = table.shape as [number, number];
    const { workgroups, constants } = rowTeams(device, tokens.size, columns);
    device.run(kernel, { tokens, table, y }, { positions: tokens.size, vocabulary, columns }, workgroups, constants);
  },
  backward(device, { inputs: [tokens, table], dy, needs, shards }) {
    return [undefined, needs[1] ? tableGradient(device, { tokens, dy, shards, shape: table.shape }) : undefined];
  },
});

function tableGradient(
  device: Device,
  { tokens, dy, shards, shape }: { tokens: Tensor; dy: Tensor; shards: number; shape: Shape },
): Tensor {
  const [vocabulary, columns] = shape as [number, number];
  const positions = tokens.size / shards;
  const next = device.empty(tokens.shape, 'u32');
  const first = device.empty(tokens.shape, 'u32');
  const linkGroups = shards * Math.ceil(positions / embeddingLinks.constants.lanes);
  device.run(embeddingLinks, { tokens, next, first }, { shards, positions, vocabulary }, device.grid(linkGroups));
  const dtable = device.empty([shards, vocabulary, columns]);
  device.fill(dtable, 0);
  const params = { shards, positions, vocabulary, columns };
  device.run(embeddingBackward, { tokens, next, first, dy, dtable }, params, device.grid(tokens.size));
  device.release(next);
  device.release(first);
  return dtable;
}
