import { checkOp } from '../../../../test/check-op.ts';
import { columnsOf, sizeOf } from '../shape.ts';
import { matmul, type MatmulOptions } from './matmul.ts';
import { product } from './product.reference.ts';

const reference = (
  [a, b]: readonly Float64Array[],
  [aShape, bShape]: readonly (readonly number[])[],
  { transposeA = false, transposeB = false }: MatmulOptions,
): Float64Array => {
  const weight = bShape!.length === 2 && aShape!.length > 2;
  const [aRows, aColumns] = weight
    ? [sizeOf(aShape!) / columnsOf(aShape!), columnsOf(aShape!)]
    : [aShape!.at(-2)!, aShape!.at(-1)!];
  const k = transposeA ? aRows : aColumns;
  const m = transposeA ? aColumns : aRows;
  const n = transposeB ? bShape!.at(-2)! : bShape!.at(-1)!;
  return product(a!, b!, { m, n, k, batch: a!.length / (m * k), transposeA, transposeB });
};

// A weight for all rows, in both forms of storage.
checkOp(matmul, {
  inEveryFamily: true,
  shared: [1],
  samples: [
    {
      shapes: [
        [1, 1, 1],
        [1, 1],
      ],
      options: {},
    },
    {
      shapes: [
        [3, 37, 19],
        [19, 257],
      ],
      options: {},
    },
    {
      shapes: [
        [2, 37, 257],
        [37, 257],
      ],
      options: { transposeB: true },
    },
    {
      shapes: [
        [2, 64, 128],
        [128, 96],
      ],
      options: {},
    },
    {
      shapes: [
        [2, 64, 128],
        [96, 128],
      ],
      options: { transposeB: true },
    },
    // so wide that tall tiles are taken
    {
      shapes: [
        [1, 5, 512],
        [512, 512],
      ],
      options: {},
    },
  ],
  reference,
});

// A matrix for each matrix.
checkOp(matmul, {
  inEveryFamily: true,
  samples: [
    {
      shapes: [
        [3, 5, 37],
        [3, 37, 7],
      ],
      options: {},
    },
    {
      shapes: [
        [2, 64, 32],
        [2, 48, 32],
      ],
      options: { transposeB: true },
    },
    {
      shapes: [
        [2, 37, 64],
        [2, 37, 33],
      ],
      options: { transposeA: true },
    },
  ],
  reference,
});
