// Updates on the device against the same formulas in f64, over several steps: fused and written in ops, over many parameters at once and of
// each by itself, whole and in parts.
import { euclideanNorm } from '@lockstep/tensor';
import { beforeAll, describe, expect, test } from 'vitest';
import * as z from 'zod';
import { difference } from '../../../../test/check-op.ts';
import { device, families, withFamilies } from '../../../../test/gpu.ts';
import { gradientsOf, learningRate, norm, place, steps, trained } from '../../../../test/optimizer-steps.ts';
import type { TensorMap } from '../parameters.ts';
import {
  adafactor,
  adamW,
  chain,
  clipByGlobalNorm,
  decayWeights,
  defineOptimizer,
  ema,
  groups,
  lion,
  muon,
  Optimizer,
  type OptimizerValue,
  scheduleFree,
  sgd,
  unpackStates,
  usedWeights,
} from './index.ts';

/** One number's way through an update: the next weight. */
type Rule = (state: number[], weight: number, gradient: number, decays: boolean, step: number) => number;

/** What a rule for single numbers gives, of weights that are clipped together. */
function expectedAfter(rule: Rule, clipNorm: number): Map<string, Float64Array> {
  const { parameters } = place(sgd());
  const all = new Map<string, Float64Array>();
  const states = new Map<string, number[][]>();
  const start = createStart();
  for (const [name, { data }] of start) {
    all.set(name, Float64Array.from(data));
    states.set(
      name,
      Array.from(data, (): number[] => []),
    );
  }
  for (let step = 1; step <= steps; step++) {
    const gradients = gradientsOf(parameters, step);
    const total = norm([...gradients.values()].flatMap(({ data }) => [...data]));
    const scale = clipNorm > 0 ? Math.min(1, clipNorm / (total + 1e-6)) : 1;
    for (const [name, { data, shape }] of gradients)
      all.set(
        name,
        all
          .get(name)!
          .map((weight, i) => rule(states.get(name)![i]!, weight, data[i]! * scale, shape.length > 1, step)),
      );
  }
  return all;
}

let started: TensorMap;
beforeAll(async () => (started = await place(sgd()).parameters.read()));
const createStart = (): TensorMap => started;

const adamWRule =
  ({ beta1 = 0.9, beta2 = 0.95, epsilon = 1e-8, weightDecay = 0.1 } = {}): Rule =>
  (state, weight, gradient, decays, step) => {
    state[0] = beta1 * (state[0] ?? 0) + (1 - beta1) * gradient;
    state[1] = beta2 * (state[1] ?? 0) + (1 - beta2) * gradient ** 2;
    const update = state[0] / (1 - beta1 ** step) / (Math.sqrt(state[1] / (1 - beta2 ** step)) + epsilon);
    return weight - learningRate * (update + (decays ? weightDecay * weight : 0));
  };

const sgdRule =
  ({ momentum = 0, weightDecay = 0 } = {}): Rule =>
  (state, weight, gradient, decays) => {
    state[0] = momentum * (state[0] ?? 0) + gradient + (decays ? weightDecay * weight : 0);
    return weight - learningRate * state[0];
  };

const lionRule: Rule = (state, weight, gradient, decays) => {
  const before = state[0] ?? 0;
  const direction = Math.sign(0.9 * before + 0.1 * gradient);
  state[0] = 0.99 * before + 0.01 * gradient;
  return weight - learningRate * (direction + (decays ? 0.1 * weight : 0));
};

/** As the authors' code has it: `state` is the fast weight, the average, the mean square, and the sum of squared rates. */
const scheduleFreeRule =
  ({ beta1 = 0.9, beta2 = 0.999, weightDecay = 0, warmupSteps = 0 } = {}): Rule =>
  (state, weight, gradient, decays, step) => {
    const [fast = weight, average = weight, square = 0, sum = 0] = state;
    const rate = learningRate * Math.min(1, step / Math.max(1, warmupSteps));
    const squares = beta2 * square + (1 - beta2) * gradient ** 2;
    const direction =
      gradient / (Math.sqrt(squares / (1 - beta2 ** step)) + 1e-8) + (decays ? weightDecay * weight : 0);
    const z = fast - rate * direction;
    const weights = sum + rate ** 2;
    const x = average + (rate ** 2 / weights) * (z - average);
    state.splice(0, 4, z, x, squares, weights);
    return (1 - beta1) * z + beta1 * x;
  };

const cases: [name: string, value: OptimizerValue, rule: Rule, clipNorm: number][] = [
  ['AdamW that clips', adamW({ clipNorm: 1 }), adamWRule(), 1],
  ['AdamW with a long memory', adamW({ beta2: 0.999, clipNorm: 0 }), adamWRule({ beta2: 0.999 }), 0],
  ['AdamW below its limit', adamW({ clipNorm: 1e4 }), adamWRule(), 1e4],
  ['SGD', sgd(), sgdRule(), 0],
  [
    'SGD with momentum',
    sgd({ momentum: 0.9, weightDecay: 0.1, clipNorm: 3 }),
    sgdRule({ momentum: 0.9, weightDecay: 0.1 }),
    3,
  ],
  ['Lion', lion(), lionRule, 0],
  ['a chain that clips before AdamW', chain(clipByGlobalNorm(1), adamW({ clipNorm: 0 })), adamWRule(), 1],
  [
    'a chain that decays',
    chain(decayWeights(0.1), sgd()),
    (_state, weight, gradient, decays) => weight - learningRate * (gradient + (decays ? 0.1 * weight : 0)),
    0,
  ],
  ['a chain that clips twice', chain(clipByGlobalNorm(2), adamW({ clipNorm: 1 })), adamWRule(), 1],
  ['schedule-free AdamW', scheduleFree({ weightDecay: 0.1 }), scheduleFreeRule({ weightDecay: 0.1 }), 0],
  ['schedule-free AdamW that warms up', scheduleFree({ warmupSteps: 3 }), scheduleFreeRule({ warmupSteps: 3 }), 0],
];

describe.each(families)('optimizers (%s)', (_family, choice) => {
  test.each(cases)('%s follows its formula', (_name, value, rule, clipNorm) =>
    withFamilies(choice, async () => {
      const { weights } = await trained(place(value));
      for (const [name, expected] of expectedAfter(rule, clipNorm))
        expect(difference(weights.get(name)!.data, expected), name).toBeLessThan(3e-6);
    }),
  );
});

test.each([
  ['AdamW', adamW({ clipNorm: 1 })],
  ['SGD', sgd({ momentum: 0.9, weightDecay: 0.1, clipNorm: 3 })],
])('%s has the same bits by its own kernel and written in ops', async (_name, value) => {
  // A link that does nothing keeps the kernel from being chosen.
  const nothing = defineOptimizer({
    name: 'nothing',
    settings: z.object({}),
    update: ({ gradient }) => ({ gradient }),
  });
  const [fused, composed] = [await trained(place(value)), await trained(place(chain(nothing(), value)))];
  expect(composed).toEqual(fused);
});

describe('Muon', () => {
  /** X times Y, as rows of numbers. */
  const product = (x: number[][], y: number[][]): number[][] =>
    x.map((row) => y[0]!.map((_, j) => row.reduce((sum, value, k) => sum + value * y[k]![j]!, 0)));
  const transposed = (x: number[][]): number[][] => x[0]!.map((_, j) => x.map((row) => row[j]!));

  function orthogonalised(x: number[][]): number[][] {
    const [a, b, c] = [3.4445, -4.775, 2.0315];
    const isTall = x.length > x[0]!.length;
    const size = norm(x.flat()) + 1e-7;
    let y = (isTall ? transposed(x) : x).map((row) => row.map((value) => value / size));
    for (let i = 0; i < 5; i++) {
      const s = product(y, transposed(y));
      const s2 = product(s, s);
      const inner = s.map((row, p) => row.map((value, q) => b * value + c * s2[p]![q]!));
      const turned = product(inner, y);
      y = y.map((row, p) => row.map((value, q) => a * value + turned[p]![q]!));
    }
    return isTall ? transposed(y) : y;
  }

  test('follows its formula on matrices, and leaves the rest to another', async () => {
    const placed = place(groups({ matrices: muon({ peak: 0.5 }), rest: sgd() }));
    const { weights, state } = await trained(placed);
    for (const name of ['first.weight', 'second.weight']) {
      const { shape, data } = started.get(name)!;
      const [rows, columns] = shape as [number, number];
      const asRows = (flat: ArrayLike<number>): number[][] =>
        Array.from({ length: rows }, (_, i) => Array.from({ length: columns }, (_, j) => flat[i * columns + j]!));
      let [weight, momentum] = [asRows(data), asRows(new Float32Array(data.length))];
      for (let step = 1; step <= steps; step++) {
        const gradient = asRows(gradientsOf(placed.parameters, step).get(name)!.data);
        momentum = momentum.map((row, i) => row.map((value, j) => 0.95 * value + gradient[i]![j]!));
        const direction = orthogonalised(gradient.map((row, i) => row.map((g, j) => g + 0.95 * momentum[i]![j]!)));
        const rate = 0.5 * learningRate * Math.sqrt(Math.max(1, rows / columns));
        weight = weight.map((row, i) => row.map((value, j) => value - rate * direction[i]![j]!));
      }
      expect(difference(weights.get(name)!.data, weight.flat()), name).toBeLessThan(1e-4);
    }
    const plain = expectedAfter(sgdRule(), 0);
    for (const name of ['embed.weight', 'first.bias', 'second.bias'])
      expect(difference(weights.get(name)!.data, plain.get(name)!), name).toBeLessThan(3e-6);
    expect([...state.get('momentum')!.keys()]).toEqual(['first.weight', 'second.weight']);
    expect([...state.get('velocity')!.keys()]).toEqual(['embed.weight', 'first.bias', 'second.bias']);
  });

  test('refuses vectors, and says what to do', () => {
    expect(() => place(muon())).toThrow(
      /^muon: expected parameters of two axes, got \[\d+\]\nhint: groups\(\{ matrices: muon\(\), rest: adamW\(\) \}\)$/,
    );
  });
});

/** One step of Adafactor on a matrix, in f64. */
function adafactorStep(
  { weight, rows, columns }: Record<'weight' | 'rows' | 'columns', number[]>,
  g: ArrayLike<number>,
  step: number,
): Record<'weight' | 'rows' | 'columns', number[]> {
  const [height, width] = [rows.length, columns.length];
  const meanOf = (values: readonly number[]): number => values.reduce((a, b) => a + b) / values.length;
  const squareAt = (i: number, j: number): number => g[i * width + j]! ** 2 + 1e-30;
  const keep = 1 - step ** -0.8;
  const nextRows = rows.map((row, i) => keep * row + (1 - keep) * meanOf(columns.map((_, j) => squareAt(i, j))));
  const nextColumns = columns.map((one, j) => keep * one + (1 - keep) * meanOf(rows.map((_, i) => squareAt(i, j))));
  const mean = meanOf(nextRows);
  const update = Array.from(
    { length: height * width },
    (_, at) => g[at]! / Math.sqrt((nextRows[Math.floor(at / width)]! / mean) * nextColumns[at % width]!),
  );
  const size = Math.sqrt(meanOf(update.map((value) => value ** 2)));
  const next = weight.map((value, at) => value - (learningRate * update[at]!) / Math.max(1, size));
  return { weight: next, rows: nextRows, columns: nextColumns };
}

test('Adafactor remembers rows and columns of matrices, and follows its formula', async () => {
  const { weights, state } = await trained(place(adafactor()));
  expect(state.get('rows')!.get('first.weight')!.shape).toEqual([24, 1]);
  expect(state.get('columns')!.get('first.weight')!.shape).toEqual([1, 13]);
  expect([...state.get('square')!.keys()]).toEqual(['first.bias', 'second.bias']);
  const { parameters } = place(sgd());
  let expected = {
    weight: [...started.get('first.weight')!.data],
    rows: Array.from({ length: 24 }, () => 0),
    columns: Array.from({ length: 13 }, () => 0),
  };
  for (let step = 1; step <= steps; step++)
    expected = adafactorStep(expected, gradientsOf(parameters, step).get('first.weight')!.data, step);
  for (const [found, values] of [
    [weights, expected.weight],
    [state.get('rows')!, expected.rows],
    [state.get('columns')!, expected.columns],
  ] as const)
    expect(difference(found.get('first.weight')!.data, values)).toBeLessThan(1e-5);
});

test('an average of the weights is kept beside them', async () => {
  const plain = await trained(place(sgd()), 1);
  const { weights, state } = await trained(place(chain(sgd(), ema(0.75))), 1);
  expect(weights).toEqual(plain.weights);
  for (const [name, { data }] of state.get('average')!) {
    const [before, after] = [started.get(name)!.data, weights.get(name)!.data];
    const expected = Array.from(before, (value, i) => 0.75 * value + 0.25 * after[i]!);
    expect(difference(data, expected), name).toBeLessThan(1e-6);
  }
});

test('the weights to use take the place of the others where an optimizer names some, and only there', async () => {
  const placed = place(groups({ special: chain(sgd(), ema(0.75)), rest: sgd() }));
  const { weights, state } = await trained(placed, 2);
  const used = usedWeights(placed.optimizer.plan, weights, state);
  placed.optimizer.placeUsed();
  expect(await placed.parameters.read()).toEqual(used);
  expect(used.get('second.bias')).toEqual(state.get('average')!.get('second.bias'));
  expect(used.get('second.bias')).not.toEqual(weights.get('second.bias'));
  for (const name of ['embed.weight', 'first.weight', 'first.bias', 'second.weight'])
    expect(used.get(name), name).toBe(weights.get(name));
});

describe('an update in parts', () => {
  test.each<[string, OptimizerValue]>([
    ['AdamW', adamW()],
    ['Lion in a chain', chain(clipByGlobalNorm(1), lion())],
    ['Muon for matrices', groups({ matrices: muon(), rest: adamW() })],
    ['Adafactor', adafactor()],
  ])('%s: owners together have the bits of the whole, and remember their own', async (_name, value) => {
    const whole = place(value);
    const expected = await trained(whole);
    const { cuts } = whole.optimizer.plan;
    const middle = cuts[Math.floor(cuts.length / 2)]!;
    const { parameters } = place(value);
    const end = parameters.weights.size;
    const owners = [
      { start: 0, size: middle },
      { start: middle, size: end - middle },
    ].map((range) => ({ parameters, optimizer: new Optimizer(value, device, parameters, { ranges: [range] }) }));
    for (const [i, owner] of owners.entries()) {
      const { weights } = await trained(owner);
      // One owner after the other here: each begins with the weights that the other has left alone.
      if (i === owners.length - 1) expect(weights).toEqual(expected.weights);
    }
    const held = await Promise.all(
      owners.map(async ({ optimizer }) => ({ segments: optimizer.segments, own: await optimizer.readOwn() })),
    );
    expect(unpackStates(whole.optimizer.plan, held)).toEqual(expected.state);
    const bytes = owners.map(({ optimizer }) => optimizer.bytes);
    expect(bytes[0]! + bytes[1]!).toBe(whole.optimizer.bytes);
  });

  test('what is remembered goes to a file and back', async () => {
    const value = groups({ matrices: muon(), special: lion(), rest: adamW() });
    const first = await trained(place(value));
    const again = place(value);
    again.optimizer.write(first.state);
    const own = await again.optimizer.readOwn();
    expect(unpackStates(again.optimizer.plan, [{ segments: again.optimizer.segments, own }])).toEqual(first.state);
    first.state.delete('momentum');
    expect(() => again.optimizer.write(first.state)).toThrow(
      'optimizer: expected momentum of second.weight [7, 24], got nothing of that name',
    );
  });
});

test.each<[string, OptimizerValue, (name: string) => number]>([
  [
    'of all parameters, where clipping stands before groups',
    chain(clipByGlobalNorm(1), groups({ special: sgd(), rest: sgd() })),
    () => 1,
  ],
  [
    'of its group, where clipping stands in an entry',
    groups({ special: chain(clipByGlobalNorm(1), sgd()), rest: sgd() }),
    (name) => (name === 'second.bias' ? 1 : 0),
  ],
])('a norm is that %s', async (_name, value, limitOf) => {
  const { weights } = await trained(place(value), 1);
  const gradients = gradientsOf(place(sgd()).parameters, 1);
  const isAll = limitOf('first.bias') > 0;
  const clipped = [...gradients].filter(([name]) => isAll || name === 'second.bias');
  const scale = 1 / (norm(clipped.flatMap(([, { data }]) => [...data])) + 1e-6);
  for (const [name, { data }] of started) {
    const factor = learningRate * (limitOf(name) > 0 ? Math.min(1, scale) : 1);
    const expected = Array.from(data, (weight, i) => weight - factor * gradients.get(name)!.data[i]!);
    expect(difference(weights.get(name)!.data, expected), name).toBeLessThan(1e-6);
  }
});

test('a norm is that of each group, and marks what is no number', async () => {
  const { parameters, optimizer } = place(groups({ special: sgd({ clipNorm: 1 }), rest: sgd() }));
  expect(optimizer.plan.groups.map(({ name }) => name)).toEqual(['special', 'rest']);
  const whole = device.empty([1]);
  euclideanNorm(device, device.view(parameters.gradients, 0, parameters.weights.shape), whole);
  expect((await whole.read())[0]).toBe(0);
  const lonely = place(lion());
  device.view(lonely.parameters.gradients, 3, [1]).write(Float32Array.of(NaN));
  await device.submit([await device.capture(() => lonely.optimizer.dispatch())]);
  expect((await lonely.optimizer.unsound.read<Uint32Array>())[0]).toBe(1);
});
