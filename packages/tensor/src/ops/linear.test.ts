import { checkOp } from '../../../../test/check-op.ts';
import { columnsOf, rowsOf } from '../shape.ts';
import { linear } from './linear.ts';
import { product } from './product.reference.ts';

const gelu = (x: number): number => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));

checkOp(linear, {
  inEveryFamily: true,
  shared: [1, 2],
  samples: [
    { shapes: [[1, 1], [1, 1], [1]], options: {} },
    { shapes: [[3, 37, 19], [19, 257], [257]], options: {} },
    { shapes: [[2, 37, 33], [33, 65], [65]], options: { gelu: true } },
    { shapes: [[2, 64, 64], [64, 128], [128]], options: {} },
    { shapes: [[0, 19], [19, 7], [7]], options: {} },
    { shapes: [[3, 0], [0, 7], [7]], options: {} },
    { shapes: [[3, 19], [19, 0], [0]], options: {} },
    // GELU's slope is the same at all large numbers, so NaN is judged without it.
  ],
  reference([x, weight, bias], [shape, weightShape], { gelu: activate = false }) {
    const [k, n] = weightShape as [number, number];
    const y = product(x!, weight!, { m: rowsOf(shape!), n, k }).map(
      (value, i) => value + bias![i % columnsOf(weightShape!)]!,
    );
    return activate ? y.map(gelu) : y;
  },
});
