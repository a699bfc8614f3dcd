// Root-mean-square normalisation over the last axis.
import { rmsNormBackward, rmsNorm as kernel } from '@lockstep/kernels';
import { defineOp, type Op } from '../autograd/op.ts';
import { runRows } from '../device/run-rows.ts';
import { allButLast, columnsOf, expectShape, rowsOf, sameShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { mul } from './arithmetic.ts';
import { reshape } from './reshape.ts';
import { sum } from './sum.ts';

/** @property epsilon added to the mean square before its root; Llama has 1e-5 or 1e-6. */
export interface RmsNormOptions {
  readonly epsilon: number;
}

/** `x / √(mean(x²) + epsilon) · weight` of each row of `x` (…, C); `weight` is (C). Zhang & Sennrich 2019. @throws {ShapeError} */
export const rmsNorm: Op<[x: Tensor, weight: Tensor], RmsNormOptions> = defineOp({
  name: 'rmsNorm',
  shards: 'together',
  shape([x, weight]) {
    expectShape(x.length > 0 && sameShape(weight, [columnsOf(x)]), 'rmsNorm', '(…, C) and (C)', x, weight);
    return x;
  },
  saves: ([x]) => [{ shape: [rowsOf(x)] }],
  forward(device, [x, weight], y, { epsilon }, [rstd]) {
    const columns = columnsOf(x.shape);
    const byRow = { x, y, rstd: rstd! };
    runRows(device, kernel, { byRow, whole: { weight }, rows: x.count / columns, columns }, { epsilon });
  },
  gradient: ({ inputs: [x], saved: [rstd], dy, needs }) => [
    undefined,
    needs[1]
      ? sum(mul(dy, mul(x, reshape(rstd!, [...x.shape.slice(0, -1), 1]))), { axis: allButLast(x.shape) })
      : undefined,
  ],
  reads: [0, 1],
  backward(device, { inputs: [x, weight], saved: [rstd], dy, gradient }) {
    const columns = columnsOf(x.shape);
    const byRow = { x, rstd: rstd!, dy, dx: gradient(0) };
    runRows(device, rmsNormBackward, { byRow, whole: { weight }, rows: x.count / columns, columns });
  },
});
