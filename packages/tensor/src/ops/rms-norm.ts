// Root-mean-square normalisation over the last axis.
import { rmsNormBackward, rmsNorm as kernel } from '@lockstep/kernels';
import { defineOp, type Op } from '../autograd/op.ts';
import { runRows } from '../device/run-rows.ts';
import { allButLast, columnsOf, expectShape, rowsOf, rowsOfAll, sameShape } from '../shape.ts';
import { Tensor } from '../tensor.ts';
import { mul } from './arithmetic.ts';
import { reshape } from './reshape.ts';
import { sum } from './sum.ts';

/** @property epsilon added to the mean square before its root; 1e-5 unless given, Llama has 1e-5 or 1e-6. */
export interface RmsNormOptions {
  readonly epsilon?: number;
}

/**
 * `x / √(mean(x²) + epsilon) · weight` of each row of `x` (…, C); `weight` is (C), or ones where it is left out. Zhang & Sennrich 2019.
 * @throws {ShapeError}
 */
export function rmsNorm(x: Tensor, weight?: Tensor | RmsNormOptions, options?: RmsNormOptions): Tensor {
  const { epsilon = 1e-5 } = (weight instanceof Tensor ? options : weight) ?? {};
  return normalised(...(weight instanceof Tensor ? [x, weight] : [x]), { epsilon });
}

const normalised: Op<readonly Tensor[], Required<RmsNormOptions>> = defineOp<
  readonly Tensor[],
  Required<RmsNormOptions>
>({
  name: 'rmsNorm',
  shards: 'together',
  takesEpilogue: true,
  anyLayout: [0],
  shape([x, weight]) {
    const fits = x!.length > 0 && (!weight || sameShape(weight, [columnsOf(x!)]));
    expectShape(fits, 'rmsNorm', '(…, C) and (C)', x!, ...(weight ? [weight] : []));
    return x!;
  },
  saves: ([x]) => [{ shape: [rowsOf(x!)] }],
  forward(device, [x, weight], y, { epsilon }, [rstd]) {
    const columns = columnsOf(y.shape);
    const byRow = { x: x!, y, rstd: rstd! };
    const rows = {
      byRow,
      whole: { weight: weight ?? device.nowhere },
      rows: rowsOfAll(y),
      columns,
      flops: 4,
      constants: affine(weight),
      output: y,
    };
    runRows(device, kernel, rows, { epsilon });
  },
  gradient: ({ inputs: [x], saved: [rstd], dy, needs }) => [
    undefined,
    needs[1]
      ? sum(mul(dy, mul(x!, reshape(rstd!, [...x!.shape.slice(0, -1), 1]))), { axis: allButLast(x!.shape) })
      : undefined,
  ],
  reads: [0, 1],
  backward(device, { inputs: [x, weight], saved: [rstd], dy, gradient }) {
    const columns = columnsOf(dy.shape);
    const byRow = { x: x!, rstd: rstd!, dy, dx: gradient(0) };
    const rows = {
      byRow,
      whole: { weight: weight ?? device.nowhere },
      rows: rowsOfAll(dy),
      columns,
      flops: 8,
      constants: affine(weight),
      output: gradient(0),
    };
    runRows(device, rmsNormBackward, rows);
  },
});

const affine = (weight: Tensor | undefined): { affine: number } => ({ affine: weight ? 1 : 0 });
