// The loss of a language model, fused: nothing as large as the logits is stored beside them.
import { crossEntropyBackward, crossEntropy as kernel } from '@lockstep/kernels';
import { columnSums } from '../column-sums.ts';
import type { Device } from '../device.ts';
import { expectWords } from '../expect-words.ts';
import { defineOp, type Op } from '../op.ts';
import { rowTeams } from '../row-teams.ts';
import { columnsOf, expectShape, rowsOf, sameShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { treeSum } from '../tree-sum.ts';

export interface CrossEntropyOptions {
  /** Rows of the whole global batch, by which the sum is divided: more than are in this pass when others hold the rest. */
  readonly rows: number;
  /** Shards in this pass, by which the rows are grouped. */
  readonly shards: number;
}

/**
 * The sum of `−log softmax(logits)[target]` over the rows of `logits` (…, V) and `targets` (…), of u32, divided by `rows`:
 * (1). Each shard's rows are added in a fixed order, the shards along the canonical tree. Rows whose target is not below
 * V add nothing and have no gradient.
 *
 * Backward writes the gradient over the logits: whoever wants to read them must do so before. @throws {ShapeError}
 */
export const crossEntropy: Op<[logits: Tensor, targets: Tensor], CrossEntropyOptions> = defineOp({
  name: 'crossEntropy',
  arity: 2,
  shape([logits, targets], { shards }) {
    expectShape(
      logits.length > 0 && sameShape(targets, logits.slice(0, -1)),
      'crossEntropy',
      '(…, V) and (…)',
      logits,
      targets,
    );
    expectShape(rowsOf(logits) % shards === 0, 'crossEntropy', `rows in ${shards} shards of equal length`, logits);
    return [1];
  },
  forward(device, [logits, targets], y, { rows, shards }) {
    expectWords('crossEntropy', 'targets', targets);
    const [count, columns] = [rowsOf(logits.shape), columnsOf(logits.shape)];
    const losses = device.empty([shards, count / shards, 1]);
    const lse = device.empty([count]);
    const { workgroups, constants } = rowTeams(device, count, columns);
    device.run(kernel, { logits, targets, losses, lse }, { rows: count, columns }, workgroups, constants);
    addLosses(device, losses, y, 1 / rows);
    return [lse];
  },
  backward(device, { inputs: [logits, targets], saved, dy }, { rows }) {
    const [count, columns] = [rowsOf(logits.shape), columnsOf(logits.shape)];
    const { workgroups, constants } = rowTeams(device, count, columns);
    const params = { rows: count, columns, scale: 1 / rows };
    device.run(crossEntropyBackward, { logits, targets, lse: saved[0]!, dy }, params, workgroups, constants);
    return [logits, undefined];
  },
});

/** Each shard's losses in order, then the shards along the tree. */
function addLosses(device: Device, losses: Tensor /* (shards, rows, 1) */, y: Tensor /* (1) */, scale: number): void {
  const sums = device.empty([losses.shape[0]!, 1]);
  columnSums(device, losses, sums, scale);
  treeSum(device, sums, y);
  device.release(losses);
  device.release(sums);
}
