// Ops that are made of others, by their formulas in f64.
import { describe, expect, test } from 'vitest';
import { checkOp } from '../../../../test/check-op.ts';
import { device } from '../../../../test/gpu.ts';
import { differentiate } from '../autograd/differentiate.ts';
import { Parameter, type Tensor } from '../tensor.ts';
import { tanh } from './activations.ts';
import { checkpoint } from './checkpoint.ts';
import { arange, eye } from './creation.ts';
import { full, ones, zeros, zerosLike } from './full.ts';
import { groupNorm } from './group-norm.ts';
import { logSoftmax } from './log-softmax.ts';
import { kullbackLeibler, mse } from './losses.ts';
import { matmul } from './matmul.ts';
import { oneHot, pick } from './one-hot.ts';
import { randomNormal, randomUniform } from './random.ts';
import { reduced } from './reduced.reference.ts';
import { softmax } from './softmax.ts';
import { logSumExp, norm, prod, variance } from './statistics.ts';
import { sum } from './sum.ts';
import { mul } from './arithmetic.ts';

const total = (values: Float64Array): number => values.reduce((sofar, value) => sofar + value, 0);
const rows = [{ shapes: [[7, 70]], options: { axis: 1 } }];

checkOp(prod, {
  samples: [{ shapes: [[5, 9]], options: { axis: 1 } }],
  reference: reduced((values) => values.reduce((product, value) => product * value, 1)),
  judgesNaN: false,
});
checkOp(variance, {
  inEveryFamily: 'rows',
  samples: [
    { shapes: [[7, 70]], options: { axis: 1 } },
    { shapes: [[7, 5, 3]], options: { axis: [0, 2], keepAxis: true } },
  ],
  judgesNaN: false,
  reference: reduced((values) => {
    const center = total(values) / values.length;
    return total(values.map((value) => (value - center) ** 2)) / (values.length - 1);
  }),
});
checkOp(logSumExp, {
  inEveryFamily: 'rows',
  samples: rows,
  judgesNaN: false,
  reference: reduced((values) => Math.log(total(values.map(Math.exp)))),
});
checkOp(norm, { samples: rows, reference: reduced((values) => Math.sqrt(total(values.map((value) => value ** 2)))) });
const rowsOf = (x: Float64Array, length: number): Float64Array[] =>
  Array.from({ length: x.length / length }, (_, i) => x.subarray(i * length, (i + 1) * length));
const flat = (all: readonly Float64Array[]): Float64Array => Float64Array.from(all.flatMap((row) => [...row]));
const logOf = (row: Float64Array): Float64Array => {
  const whole = Math.log(total(row.map(Math.exp)));
  return row.map((value) => value - whole);
};
checkOp(logSoftmax, {
  inEveryFamily: 'rows',
  samples: [{ shapes: [[7, 70]] }, { shapes: [[0, 70]] }, { shapes: [[3, 0]] }],
  judgesNaN: false,
  reference: ([x]) => flat(rowsOf(x!, 70).map(logOf)),
});
checkOp(
  Object.defineProperty((x: Tensor) => softmax(x, { axis: 0 }), 'name', { value: 'softmax over axis 0' }),
  {
    judgesNaN: false,
    samples: [{ shapes: [[2, 5]] }],
    reference: ([x]) => x!.map((value, i) => Math.exp(value) / (Math.exp(value) + Math.exp(x![(i + 5) % 10]!))),
  },
);
checkOp(mse, {
  samples: [
    {
      shapes: [
        [7, 5],
        [7, 5],
      ],
    },
  ],
  reference: ([x, y]) => Float64Array.of(total(x!.map((value, i) => (value - y![i]!) ** 2)) / x!.length),
});
checkOp(kullbackLeibler, {
  inEveryFamily: 'rows',
  samples: [
    {
      shapes: [
        [7, 20],
        [7, 20],
      ],
      options: { temperature: 2 },
    },
  ],
  judgesNaN: false,
  reference: ([target, scores]) => {
    const [p, q] = [target!, scores!].map((one) =>
      flat(
        rowsOf(
          one.map((value) => value / 2),
          20,
        ).map(logOf),
      ),
    );
    return Float64Array.of((4 / 7) * total(p!.map((value, i) => Math.exp(value) * (value - q![i]!))));
  },
});
checkOp(groupNorm, {
  samples: [
    { shapes: [[2, 6, 5]], options: { groups: 3 } },
    { shapes: [[0, 6, 5]], options: { groups: 3 } },
    { shapes: [[2, 6, 0]], options: { groups: 3 } },
  ],
  reference: ([x]) =>
    flat(
      rowsOf(x!, 10).map((group) => {
        const center = total(group) / 10;
        const scale = 1 / Math.sqrt(total(group.map((value) => (value - center) ** 2)) / 10 + 1e-5);
        return group.map((value) => (value - center) * scale);
      }),
    ),
});
checkOp(oneHot, {
  samples: [{ shapes: [[7]], options: 5 as unknown as object }],
  integers: { 0: () => 6 },
  constant: true,
  judgesNaN: false,
  reference: ([x]) =>
    Float64Array.from([...x!].flatMap((place) => Array.from({ length: 5 }, (_, i) => Number(i === place)))),
});
checkOp(pick, {
  samples: [{ shapes: [[7, 5], [7]] }],
  integers: { 1: () => 5 },
  selects: true,
  reference: ([x, place]) => Float64Array.from(place!, (at, row) => x![row * 5 + at]!),
});

describe('tensors from nothing', () => {
  test.each([
    ['full', () => full(device, [2, 2], 7), [7, 7, 7, 7]],
    ['zeros', () => zeros(device, [3]), [0, 0, 0]],
    ['ones', () => ones(device, [2], { dtype: 'u32' }), [1, 1]],
    ['zerosLike', () => zerosLike(full(device, [2], 7)), [0, 0]],
    ['arange', () => arange(device, 7, { start: 1, step: 2 }), [1, 3, 5]],
    ['arange of fractions', () => arange(device, 1, { step: 0.25 }), [0, 0.25, 0.5, 0.75]],
    ['eye', () => eye(device, 2, { columns: 3 }), [1, 0, 0, 0, 1, 0]],
  ] as const)('%s', async (_name, make, expected) => {
    const x = device.scope(make);
    expect([...(await x.read())]).toEqual(expected);
    x.dispose();
  });

  test('random numbers are uniform or normal, and each shard has its own', async () => {
    const random = device.tensor(Uint32Array.of(1, 2, 3, 4));
    const later = device.tensor(Uint32Array.of(1, 2, 3, 5));
    const uniform = await randomUniform(random, [30_000], { low: -1, high: 3, shards: 2 }).read();
    expect(Math.min(...uniform.subarray(0, 100))).toBeGreaterThanOrEqual(-1);
    expect(uniform.reduce((a, b) => a + b) / uniform.length).toBeCloseTo(1, 1);
    expect(await randomUniform(later, [30_000], { low: -1, high: 3 }).read()).toEqual(uniform.slice(30_000));
    const normal = await randomNormal(random, [60_000], { mean: 2, std: 3 }).read();
    const mean = normal.reduce((a, b) => a + b) / normal.length;
    const deviation = Math.sqrt(normal.reduce((a, b) => a + (b - mean) ** 2, 0) / normal.length);
    expect(mean).toBeCloseTo(2, 1);
    expect(deviation).toBeCloseTo(3, 1);
  });
});

test('a checkpointed block has the gradients of one that is kept', async () => {
  const w = new Parameter('w', device.tensor(Float32Array.of(0.5, -0.25, 0.75, 1), [2, 2]), device.empty([2, 2]));
  const x = device.tensor(Float32Array.of(1, 2, 3, 4), [1, 2, 2]);
  const block = (h: Tensor): Tensor => tanh(mul(matmul(tanh(matmul(h, w)), w), 0.5));
  const gradientOf = async (run: () => Tensor): Promise<number[]> => {
    differentiate(device, () => sum(run()));
    return [...(await w.gradient.read())];
  };
  const kept = await gradientOf(() => block(block(x)));
  expect(await gradientOf(() => checkpoint(block, checkpoint(block, x)))).toEqual(kept);
});
