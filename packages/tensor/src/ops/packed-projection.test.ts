import { checkOp } from '../../../../test/check-op.ts';
import { rowsOf } from '../shape.ts';
import { packedProjection } from './packed-projection.ts';
import { product } from './product.reference.ts';

checkOp(packedProjection, {
  inEveryFamily: true,
  shared: [1, 2, 3],
  samples: [
    {
      shapes: [
        [1, 1],
        [1, 1],
        [1, 1],
        [1, 1],
      ],
    },
    {
      shapes: [
        [2, 37, 33],
        [65, 33],
        [7, 33],
        [19, 33],
      ],
    },
    {
      shapes: [
        [2, 32, 64],
        [64, 64],
        [32, 64],
        [32, 64],
      ],
    },
  ],
  reference([x, ...weights], [shape, ...shapes]) {
    const rows = rowsOf(shape!);
    const parts = weights.map((weight, i) => {
      const [n, k] = shapes[i] as [number, number];
      return { n, values: product(x!, weight, { m: rows, n, k, transposeB: true }) };
    });
    return Float64Array.from(
      Array.from({ length: rows }, (_, row) =>
        parts.flatMap(({ n, values }) => [...values.subarray(row * n, (row + 1) * n)]),
      ).flat(),
    );
  },
});
