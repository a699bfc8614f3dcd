// Several projections of the same rows into one tensor, side by side: queries, keys and values of an attention layer
// whose weights are stored apart. Each product writes a column range of the output.
import { gemm } from '../gemm.ts';
import type { Device } from '../device.ts';
import { add } from './add.ts';
import { defineOp, type Op } from '../op.ts';
import { columnsOf, expectShape, rowsOf } from '../shape.ts';
import type { Tensor } from '../tensor.ts';

type Weights = readonly Tensor[];

/** Where each weight's columns begin in the packed output. */
function starts(weights: Weights): number[] {
  let start = 0;
  return weights.map(({ shape }) => (start += shape[0]!) - shape[0]!);
}

/**
 * `x` (…, K) times the transposes of three weights (N₁, K), (N₂, K), (N₃, K), packed as (…, N₁ + N₂ + N₃).
 * @throws {ShapeError}
 */
export const packedProjection: Op<[x: Tensor, first: Tensor, second: Tensor, third: Tensor]> = defineOp({
  name: 'packedProjection',
  arity: 4,
  shape([x, ...weights]) {
    for (const weight of weights)
      expectShape(
        weight.length === 2 && weight[1] === columnsOf(x),
        'packedProjection',
        'x (…, K) and weights (N, K)',
        x,
        weight,
      );
    return [...x.slice(0, -1), weights.reduce((sum, weight) => sum + weight[0]!, 0)];
  },
  forward(device, [x, ...weights], y) {
    const stride = columnsOf(y.shape);
    const from = starts(weights);
    weights.forEach((weight, i) => {
      const [n, k] = weight.shape as [number, number];
      gemm(device, {
        a: { tensor: x },
        b: { tensor: weight, transposed: true },
        c: { tensor: y, offset: from[i]!, stride },
        m: rowsOf(x.shape),
        n,
        k,
      });
    });
  },
  backward(device, { inputs: [x, ...weights], dy, needs, shards }) {
    return [
      needs[0] ? inputGradient(device, x, weights, dy) : undefined,
      ...weights.map((_, i) => weightGradient(device, x, weights, i, dy, shards)),
    ];
  },
});

/** dx = Σ dyᵢ·Wᵢ */
function inputGradient(device: Device, x: Tensor, weights: Weights, dy: Tensor): Tensor {
  const stride = columnsOf(dy.shape);
  const from = starts(weights);
  const parts = weights.map((weight, i) => {
    const part = device.empty(x.shape);
    const [n, k] = weight.shape as [number, number];
    gemm(device, {
      a: { tensor: dy, offset: from[i]!, stride },
      b: { tensor: weight },
      c: { tensor: part },
      m: rowsOf(x.shape),
      n: k,
      k: n,
    });
    return part;
  });
  return parts.reduce((sum, part) => {
    const next = device.empty(x.shape);
    add.forward(device, [sum, part], next);
    device.release(sum);
    device.release(part);
    return next;
  });
}

/** For each shard, dWᵢ = dyᵢᵀ·x. */
function weightGradient(
  device: Device,
  x: Tensor,
  weights: Weights,
  index: number,
  dy: Tensor,
  shards: number,
): Tensor {
  const [n, k] = weights[index]!.shape as [number, number];
  const gradient = device.empty([shards, n, k]);
  const dyPart = { tensor: dy, transposed: true, offset: starts(weights)[index]!, stride: columnsOf(dy.shape) };
  gemm(device, {
    a: dyPart,
    b: { tensor: x },
    c: { tensor: gradient },
    m: n,
    n: k,
    k: rowsOf(x.shape) / shards,
    batch: shards,
  });
  return gradient;
}
