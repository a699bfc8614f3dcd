// A linear layer in one dispatch: product, bias and, where wanted, GELU.
import { defineOp, type Op } from '../autograd/op.ts';
import { allButLast, columnsOf, expectShape, rowsOf, rowsOfAll } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { gemm } from './gemm.ts';
import { geluSlope } from './activations.ts';
import { matrixProduct } from './matrix-product.ts';
import { reshape } from './reshape.ts';
import { sum } from './sum.ts';

export interface LinearOptions {
  /** Apply GELU (its tanh form) to the result. */
  readonly gelu?: boolean;
}

/**
 * `x` (…, K) times `weight` (K, N) plus `bias` (N), then GELU where asked for.
 * @throws {ShapeError}
 */
export const linear: Op<[x: Tensor, weight: Tensor, bias: Tensor], LinearOptions> = defineOp({
  name: 'linear',
  shards: 'together',
  takesEpilogue: true,
  shape([x, weight, bias]) {
    expectShape(weight.length === 2 && columnsOf(x) === weight[0], 'linear', 'x (…, K) and weight (K, N)', x, weight);
    expectShape(bias.length === 1 && bias[0] === weight[1], 'linear', 'weight (K, N) and bias (N)', weight, bias);
    return [...x.slice(0, -1), weight[1]!];
  },
  // What GELU is applied to.
  saves: ([x, weight], { gelu }) => (gelu ? [{ shape: [...x.slice(0, -1), weight[1]!] }] : []),
  forward(device, [x, weight, bias], y, { gelu = false }, [pre]) {
    const [k, n] = weight.shape as [number, number];
    const product = { a: { tensor: x }, b: { tensor: weight }, c: { tensor: y }, m: rowsOfAll(x), n, k };
    gemm(device, { ...product, bias, gelu, pre });
  },
  gradient({ inputs: [x, weight], saved: [pre], dy, needs }) {
    const du = pre ? geluSlope(pre, dy) : dy;
    const rows = (t: Tensor): Tensor => reshape(t, [rowsOf(t.shape), columnsOf(t.shape)]);
    return [
      needs[0] ? matrixProduct(du, weight, { transposeB: true }) : undefined,
      needs[1] ? matrixProduct(rows(x), rows(du), { transposeA: true }) : undefined,
      needs[2] ? sum(du, { axis: allButLast(du.shape) }) : undefined,
    ];
  },
});
