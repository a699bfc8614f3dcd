// The loss of a language model, fused: nothing as large as the logits is stored beside them.
import { crossEntropyBackward, crossEntropy as kernel } from '@lockstep/kernels';
import { defineOp, type Op } from '../autograd/op.ts';
import { runRows } from '../device/run-rows.ts';
import { expectDType } from '../dtype.ts';
import { columnsOf, expectShape, rowsOf, sameShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { mul } from './arithmetic.ts';
import { cast } from './cast.ts';
import { notEqual } from './comparison.ts';
import { mean, sum } from './sum.ts';
import { meanOf } from './weighted-mean.ts';
import { where } from './where.ts';

export interface CrossEntropyOptions {
  /** By what the sum is divided, if not by the number of rows: those of the whole global batch, when other shards hold the rest. */
  readonly rows?: number;
  /** (…), of u32 or f32: only rows where it is not 0 count, and the sum is divided by their number unless `rows` is given. */
  readonly where?: Tensor;
}

/**
 * The mean of `−log softmax(logits)[target]` over the rows of `logits` (…, V) and `targets` (…), of u32: a scalar. Rows whose
 * target is not below V add nothing and have no gradient. The mean of no row is 0. With `where`, a loss that is this mean is that over
 * the whole batch, see {@link weightedMean}.
 * @throws {ShapeError}
 */
export function crossEntropy(logits: Tensor, targets: Tensor, { rows, where: mask }: CrossEntropyOptions = {}): Tensor {
  const losses = rowLosses(logits, targets);
  if (!mask)
    return rows === undefined && targets.size > 0 ? mean(losses) : mul(sum(losses), 1 / Math.max(1, rows ?? 1));
  expectShape(
    sameShape(mask.shape, targets.shape),
    'crossEntropy',
    '`where` of the shape of targets',
    targets.shape,
    mask.shape,
  );
  const isKept = notEqual(mask, 0);
  const total = sum(where(isKept, losses, 0));
  return rows === undefined ? meanOf({ numerator: total, weight: sum(cast(isKept, 'f32')) }) : mul(total, 1 / rows);
}

/** `−log softmax(logits)[target]` of each row. */
const rowLosses: Op<[logits: Tensor, targets: Tensor]> = defineOp({
  name: 'crossEntropy',
  shards: 'together',
  shape([logits, targets]) {
    const fits = logits.length > 0 && sameShape(targets, logits.slice(0, -1));
    expectShape(fits, 'crossEntropy', '(…, V) and (…)', logits, targets);
    return targets;
  },
  dtype([logits, targets]) {
    expectDType('crossEntropy', 'targets', targets!, 'u32');
    return logits!;
  },
  // The log-sum-exp of each row.
  saves: ([logits]) => [{ shape: [rowsOf(logits)] }],
  forward(device, [logits, targets], losses, _options, [lse]) {
    const columns = columnsOf(logits.shape);
    const byRow = { logits, targets, losses, lse: lse! };
    runRows(device, kernel, { byRow, rows: targets.count, columns, flops: 4 });
  },
  reads: [0, 1],
  overwrites: 0,
  backward(device, { inputs: [, targets], saved: [lse], dy, gradient }) {
    const logits = gradient(0);
    const columns = columnsOf(logits.shape);
    runRows(device, crossEntropyBackward, {
      byRow: { logits, targets, lse: lse!, dy },
      rows: targets.count,
      columns,
      flops: 4,
    });
  },
});
