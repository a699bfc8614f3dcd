// Layer normalisation over the last axis.
import { layerNormBackward, layerNorm as kernel } from '@lockstep/kernels';
import { defineOp, type Op } from '../autograd/op.ts';
import { runRows } from '../device/run-rows.ts';
import { allButLast, columnsOf, expectShape, rowsOf, rowsOfAll, sameShape } from '../shape.ts';
import { Tensor } from '../tensor.ts';
import { mul, sub } from './arithmetic.ts';
import { reshape } from './reshape.ts';
import { sum } from './sum.ts';

/** @property epsilon added to the variance before its root; 1e-5 unless given, as GPT-2 has it. */
export interface LayerNormOptions {
  readonly epsilon?: number;
}

/**
 * `(x − mean) / √(variance + epsilon) · weight + bias` of each row of `x` (…, C); `weight` and `bias` are (C), or ones and zeros where they
 * are left out. Ba et al. 2016.
 * @throws {ShapeError}
 */
export function layerNorm(
  x: Tensor,
  weight?: Tensor | LayerNormOptions,
  bias?: Tensor,
  options?: LayerNormOptions,
): Tensor {
  const { epsilon = 1e-5 } = (weight instanceof Tensor ? options : weight) ?? {};
  return normalised(...(weight instanceof Tensor && bias ? [x, weight, bias] : [x]), { epsilon });
}

const normalised: Op<readonly Tensor[], Required<LayerNormOptions>> = defineOp<
  readonly Tensor[],
  Required<LayerNormOptions>
>({
  name: 'layerNorm',
  shards: 'together',
  takesEpilogue: true,
  shape([x, weight, bias]) {
    const fits = !weight || (sameShape(weight, [columnsOf(x!)]) && sameShape(bias!, weight));
    expectShape(x!.length > 0 && fits, 'layerNorm', '(…, C), (C) and (C)', x!, ...(weight ? [weight, bias!] : []));
    return x!;
  },
  saves: ([x]) => [{ shape: [rowsOf(x!)] }, { shape: [rowsOf(x!)] }],
  forward(device, [x, weight, bias], y, { epsilon }, [mean, rstd]) {
    const columns = columnsOf(y.shape);
    const byRow = { x: x!, y, mean: mean!, rstd: rstd! };
    const whole = { weight: weight ?? device.nowhere, bias: bias ?? device.nowhere };
    const rows = { byRow, whole, rows: rowsOfAll(y), columns, flops: 8, constants: affine(weight), output: y };
    runRows(device, kernel, rows, { epsilon });
  },
  gradient({ inputs: [x], saved, dy, needs }) {
    const [mean, rstd] = saved.map((one) => reshape(one, [...x!.shape.slice(0, -1), 1])) as [Tensor, Tensor];
    const rows = { axis: allButLast(x!.shape) };
    const scaled = mul(sub(x!, mean), rstd);
    return [undefined, needs[1] ? sum(mul(dy, scaled), rows) : undefined, needs[2] ? sum(dy, rows) : undefined];
  },
  reads: [0, 1],
  backward(device, { inputs: [x, weight], saved: [mean, rstd], dy, gradient }) {
    const columns = columnsOf(dy.shape);
    const byRow = { x: x!, mean: mean!, rstd: rstd!, dy, dx: gradient(0) };
    const whole = { weight: weight ?? device.nowhere };
    const rows = {
      byRow,
      whole,
      rows: rowsOfAll(dy),
      columns,
      flops: 12,
      constants: affine(weight),
      output: gradient(0),
    };
    runRows(device, layerNormBackward, rows);
  },
});

const affine = (weight: Tensor | undefined): { affine: number } => ({ affine: weight ? 1 : 0 });
