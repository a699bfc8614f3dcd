import { expect, test } from 'vitest';
import { checkOp, noise } from '../../../../test/check-op.ts';
import { device, withFamilies } from '../../../../test/gpu.ts';
import { columnsOf, sizeOf } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
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

test.each([
  ['by vectors', { k: 40, n: 1280 }, {}],
  ['by vectors, the first transposed', { k: 40, n: 1280 }, { transposeA: true }],
  ['element by element', { k: 39, n: 1281 }, {}],
  ['element by element, the second transposed', { k: 39, n: 1281 }, { transposeB: true }],
] as const)('a product has the same bits in small and in large tiles, %s', async (_how, { k, n }, options) => {
  const [few, many] = [100, 1664];
  const { transposeA, transposeB } = { transposeA: false, transposeB: false, ...options };
  const left = (rows: number): Tensor =>
    device.tensor(
      Float32Array.from({ length: rows * k }, (_, i) => {
        const [row, term] = transposeA ? [i % rows, Math.floor(i / rows)] : [Math.floor(i / k), i % k];
        return Math.sin(row * k + term);
      }),
      transposeA ? [1, k, rows] : [1, rows, k],
    );
  const right = device.tensor(Float32Array.from(noise(k * n, 3)), transposeB ? [1, n, k] : [1, k, n]);
  const tiled = { matmul: 'tiled', attention: 'tiled', rows: 'tiled' } as const;
  const [alone, among] = await withFamilies(tiled, () =>
    device.read(device.scope(() => [few, many].map((rows) => matmul(left(rows), right, options)))),
  );
  expect(among!.subarray(0, few * n)).toEqual(alone);
});
