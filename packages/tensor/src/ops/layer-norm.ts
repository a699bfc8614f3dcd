// Layer normalisation over the last axis.
import { layerNormBackward, layerNorm as kernel } from '@lockstep/kernels';
import { defineOp, type Op } from '../autograd/op.ts';
import { runRows } from '../device/run-rows.ts';
import { allButLast, columnsOf, expectShape, rowsOf, sameShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { mul, sub } from './arithmetic.ts';
import { reshape } from './reshape.ts';
import { sum } from './sum.ts';

/** @property epsilon added to the variance before its root; GPT-2 has 1e-5. */
export interface LayerNormOptions {
  readonly epsilon: number;
}

/** `(x − mean) / √(variance + epsilon) · weight + bias` of each row of `x` (…, C); `weight` and `bias` are (C). Ba et al. 2016. @throws {ShapeError} */
export const layerNorm: Op<[x: Tensor, weight: Tensor, bias: Tensor], LayerNormOptions> = defineOp({
  name: 'layerNorm',
  shards: 'together',
  shape([x, weight, bias]) {
    const fits = sameShape(weight, [columnsOf(x)]) && sameShape(bias, weight);
    expectShape(x.length > 0 && fits, 'layerNorm', '(…, C), (C) and (C)', x, weight, bias);
    return x;
  },
  saves: ([x]) => [{ shape: [rowsOf(x)] }, { shape: [rowsOf(x)] }],
  forward(device, [x, weight, bias], y, { epsilon }, [mean, rstd]) {
    const columns = columnsOf(x.shape);
    const byRow = { x, y, mean: mean!, rstd: rstd! };
    runRows(device, kernel, { byRow, whole: { weight, bias }, rows: x.count / columns, columns }, { epsilon });
  },
  gradient({ inputs: [x], saved, dy, needs }) {
    const [mean, rstd] = saved.map((one) => reshape(one, [...x.shape.slice(0, -1), 1])) as [Tensor, Tensor];
    const rows = { axis: allButLast(x.shape) };
    const normalised = mul(sub(x, mean), rstd);
    return [undefined, needs[1] ? sum(mul(dy, normalised), rows) : undefined, needs[2] ? sum(dy, rows) : undefined];
  },
  reads: [0, 1],
  backward(device, { inputs: [x, weight], saved: [mean, rstd], dy, gradient }) {
    const columns = columnsOf(x.shape);
    const byRow = { x, mean: mean!, rstd: rstd!, dy, dx: gradient(0) };
    runRows(device, layerNormBackward, { byRow, whole: { weight }, rows: x.count / columns, columns });
  },
});
