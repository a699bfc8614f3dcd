// A linear layer in one dispatch: product, bias and, where wanted, GELU. Backward is matmul's, plus the bias's column sums.
import { geluBackward } from '@lockstep/kernels';
import { sumAxis } from '../column-sums.ts';
import { gemm } from '../gemm.ts';
import { defineOp, type Op } from '../op.ts';
import { roundsGrid } from '../rounds.ts';
import { columnsOf, expectShape, rowsOf } from '../shape.ts';
import type { Tensor } from '../tensor.ts';

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
  arity: 3,
  shape([x, weight, bias]) {
    expectShape(weight.length === 2 && columnsOf(x) === weight[0], 'linear', 'x (…, K) and weight (K, N)', x, weight);
    expectShape(bias.length === 1 && bias[0] === weight[1], 'linear', 'weight (K, N) and bias (N)', weight, bias);
    return [...x.slice(0, -1), weight[1]!];
  },
  forward(device, [x, weight, bias], y, { gelu = false }) {
    const pre = gelu && y.tracked ? device.empty(y.shape) : undefined; // what GELU was applied to, for backward
    const [k, n] = weight.shape as [number, number];
    gemm(device, {
      a: { tensor: x },
      b: { tensor: weight },
      c: { tensor: y },
      m: rowsOf(x.shape),
      n,
      k,
      bias,
      gelu,
      pre,
    });
    return pre ? [pre] : [];
  },
  backward(device, { inputs: [x, weight], saved: [pre], dy, needs, shards }) {
    const [k, n] = weight.shape as [number, number];
    const rows = rowsOf(x.shape);
    const du = pre ? device.empty(dy.shape) : dy;
    if (pre)
      device.run(
        geluBackward,
        { x: pre, dy, dx: du },
        { size: du.size },
        roundsGrid(device, geluBackward, du.size / 4),
      );
    const dx = needs[0] ? device.empty(x.shape) : undefined;
    if (dx)
      gemm(device, {
        a: { tensor: du },
        b: { tensor: weight, transposed: true },
        c: { tensor: dx },
        m: rows,
        n: k,
        k: n,
      });
    const dweight = device.empty([shards, k, n]);
    gemm(device, {
      a: { tensor: x, transposed: true },
      b: { tensor: du },
      c: { tensor: dweight },
      m: k,
      n,
      k: rows / shards,
      batch: shards,
    });
    const dbias = device.empty([shards, n]);
    sumAxis(device, du, dbias, { outer: shards, length: rows / shards, inner: n, scale: 1 });
    if (pre) device.release(du);
    return [dx, dweight, dbias];
  },
});
