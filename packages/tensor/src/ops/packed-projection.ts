// Several projections of the same rows into one tensor, side by side: queries, keys and values of an attention layer
// whose weights are stored apart. Each product writes a column range of the output.
import { defineOp, type Op } from '../autograd/op.ts';
import type { Dispatcher } from '../device/dispatcher.ts';
import { columnsOf, expectShape, rowsOf, rowsOfAll, type Shape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { add } from './arithmetic.ts';
import { gemm } from './gemm.ts';
import { matmul } from './matmul.ts';
import { reshape } from './reshape.ts';
import { slice } from './slice.ts';

type Projection = [x: Tensor, first: Tensor, second: Tensor, third: Tensor];

/** Where each weight's columns begin in the packed output. */
function starts(weights: readonly { readonly shape: Shape }[]): number[] {
  let start = 0;
  return weights.map(({ shape }) => (start += shape[0]!) - shape[0]!);
}

/**
 * `x` (…, K) times the transposes of three weights (N₁, K), (N₂, K), (N₃, K), packed as (…, N₁ + N₂ + N₃).
 * @throws {ShapeError}
 */
export const packedProjection: Op<Projection> = defineOp({
  name: 'packedProjection',
  shards: 'together',
  shape([x, ...weights]) {
    for (const weight of weights) {
      const fits = weight.length === 2 && weight[1] === columnsOf(x);
      expectShape(fits, 'packedProjection', 'x (…, K) and weights (N, K)', x, weight);
    }
    return [...x.slice(0, -1), weights.reduce((sum, weight) => sum + weight[0]!, 0)];
  },
  forward(device, [x, ...weights], y) {
    const from = starts(weights);
    weights.forEach((weight, i) => project(device, { x, weight, y, offset: from[i]! }));
  },
  gradient({ inputs: [x, ...weights], dy, needs }) {
    const rows = (t: Tensor): Tensor => reshape(t, [rowsOf(t.shape), columnsOf(t.shape)]);
    const from = starts(weights);
    const parts = weights.map(({ shape }, i) => slice(dy, { axis: -1, start: from[i]!, end: from[i]! + shape[0]! }));
    return [
      needs[0] ? parts.map((part, i) => matmul(part, weights[i]!)).reduce((sum, part) => add(sum, part)) : undefined,
      ...parts.map((part) => matmul(rows(part), rows(x), { transposeA: true })),
    ];
  },
});

function project(
  device: Dispatcher,
  { x, weight, y, offset }: { x: Tensor; weight: Tensor; y: Tensor; offset: number },
): void {
  const [n, k] = weight.shape as [number, number];
  const c = { tensor: y, offset, stride: columnsOf(y.shape) };
  gemm(device, { a: { tensor: x }, b: { tensor: weight, transposed: true }, c, m: rowsOfAll(x), n, k });
}
