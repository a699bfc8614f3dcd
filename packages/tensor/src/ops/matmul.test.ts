import { expect, test } from 'vitest';
import { checkOp, noise } from '../../../../test/check-op.ts';
import { device, families, withFamilies } from '../../../../test/gpu.ts';
import { broadcastShapes, columnsOf, sizeOf } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { add } from './arithmetic.ts';
import { matmul, type MatmulOptions } from './matmul.ts';
import { transpose } from './permute.ts';
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

checkOp(matmul, {
  samples: [
    { shapes: [[5], [5]] },
    { shapes: [[5], [2, 5, 3]] },
    { shapes: [[2, 4, 5], [5]] },
    {
      shapes: [
        [3, 1, 4, 5],
        [2, 5, 3],
      ],
    },
    {
      shapes: [
        [4, 5],
        [2, 5, 3],
      ],
    },
  ],
  reference([a, b], [aShape, bShape]) {
    const [left, right] = [
      aShape!.length === 1 ? [1, ...aShape!] : aShape!,
      bShape!.length === 1 ? [...bShape!, 1] : bShape!,
    ];
    const [m, k, n] = [left.at(-2)!, left.at(-1)!, right.at(-1)!];
    const lead = broadcastShapes('reference', [left.slice(0, -2), right.slice(0, -2)]);
    const first = (shape: readonly number[], at: number): number => {
      let [rest, step, place] = [at, 1, 0];
      for (let axis = 1; axis <= lead.length; axis++) {
        const length = shape.slice(0, -2).at(-axis) ?? 1;
        if (axis <= shape.length - 2 && length > 1) place += (rest % lead.at(-axis)!) * step;
        rest = Math.floor(rest / lead.at(-axis)!);
        if (axis <= shape.length - 2) step *= length;
      }
      return place;
    };
    return Array.from({ length: sizeOf(lead) }, (_, at) => {
      const [from, to] = [first(left, at) * m * k, first(right, at) * k * n];
      return [...product(a!.subarray(from, from + m * k), b!.subarray(to, to + k * n), { m, n, k, batch: 1 })];
    }).flat();
  },
});

test('transposed views are read where they lie', async () => {
  const [a, b] = [
    device.tensor(new Float32Array(6).fill(2), [3, 2]),
    device.tensor(new Float32Array(12).fill(3), [4, 3]),
  ];
  const program = await device.capture(() => matmul(transpose(a), transpose(b)));
  const turned = await device.capture(() => matmul(a, transpose(b), { transposeA: true }));
  const c = device.tensor(new Float32Array(15), [3, 5]);
  // One of two transposed operands is copied: kernels know no product of two.
  expect([program, turned].map(({ dispatches }) => dispatches.length)).toEqual([2, 2]);
  const single = await device.capture(() => matmul(transpose(a), c));
  expect(single.dispatches.map(({ kernel }) => kernel)).toEqual([expect.stringMatching(/^matmul/)]);
  await device.submit([program]);
  expect(await program.result.read()).toEqual(new Float32Array(8).fill(18));
  for (const one of [program, turned, single, a, b, c]) one.dispose();
});

test.each([
  ['matrices', [70_000, 2, 3], [70_000, 3, 2]],
  ['rows', [2_100_000, 2], [2, 1]],
  ['columns', [1, 2], [2, 2_100_000]],
])('a product has more %s than workgroups can be counted', async (_what, left, right) => {
  const [a, b] = [left, right].map((shape) => device.tensor(new Float32Array(sizeOf(shape)).fill(2), shape));
  const program = await device.capture(() => matmul(a!, b!));
  await device.submit([program]);
  const y = await program.result.read();
  expect([y.length, new Set(y)]).toEqual([sizeOf(program.result.shape), new Set([4 * left.at(-1)!])]);
  for (const one of [program, a!, b!]) one.dispose();
});

test.each(families)(
  'a product known to be symmetric has the bits of one that is not, by %s kernels, also with ops that follow',
  (_name, chosen) =>
    withFamilies(chosen, async () => {
      const x = device.tensor(Float32Array.from(noise(2 * 77 * 30, 8)), [77, 30], { shards: 2 });
      const beside = device.tensor(Float32Array.from(noise(77 * 77, 9)), [77, 77]);
      const program = await device.capture(() =>
        [true, false].flatMap((symmetric) => {
          const product = (): Tensor => matmul(x, x, { transposeB: true, symmetric });
          return [product(), add(product(), beside), product().mul(2).add(1)];
        }),
      );
      const found = await device.submit([program, ...program.result]);
      expect(found.slice(0, 3)).toEqual(found.slice(3));
      program.dispose();
    }),
);

test('a product known to be symmetric has to be square', () => {
  expect(() => matmul(device.empty([4, 5]), device.empty([5, 6]), { symmetric: true })).toThrow(
    'matmul: expected as many rows as columns of a symmetric product, got [4, 6]',
  );
});

test('what does not fit is named with its shapes', () => {
  const product = (left: number[], right: number[]) => () => matmul(device.empty(left), device.empty(right));
  expect(product([4, 5], [6, 5])).toThrow(
    /^matmul: expected a \(…, M, K\) and b \(…, K, N\), got \[4, 5\] and \[6, 5\]$/,
  );
  expect(product([3, 4, 5], [2, 5, 6])).toThrow(
    /^matmul: expected leading axes that broadcast, got \[3, 4, 5\] and \[2, 5, 6\]$/,
  );
  expect(product([], [5, 6])).toThrow(/^matmul: expected a \(…, M, K\) and b \(…, K, N\), got \[\] and \[5, 6\]$/);
});

test.each([
  [
    [3, 0],
    [0, 4],
  ],
  [
    [0, 3],
    [3, 4],
  ],
  [
    [2, 3],
    [3, 0],
  ],
  [[0], [0]],
])('a product of %s and %s has zeros for empty sums, and no rows for none', async (left, right) => {
  const y = matmul(device.empty(left), device.empty(right));
  expect(await y.read()).toEqual(new Float32Array(sizeOf(y.shape)));
});
