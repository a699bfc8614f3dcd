// Sums so far, sorting, and elements at places, each by its definition on rows.
import { expect, test } from 'vitest';
import { checkOp } from '../../../../test/check-op.ts';
import { device } from '../../../../test/gpu.ts';
import type { CheckableOp, OpCheck } from '../check/op-check.ts';
import { ShapeError } from '@lockstep/errors';
import { type Shape, sizeOf } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { cumsum, type CumsumOptions } from './cumsum.ts';
import { gather, type PlaceOptions, scatterAdd } from './gather.ts';
import { sort, type SortOptions, topK } from './sort.ts';

/** Places of the elements along an axis, for each place of the others. */
function lines(shape: Shape, axis: number): number[][] {
  const at = axis < 0 ? axis + shape.length : axis;
  const inner = sizeOf(shape.slice(at + 1));
  const length = shape[at]!;
  return Array.from({ length: sizeOf(shape) / Math.max(1, length) }, (_, line) => {
    const first = Math.floor(line / inner) * length * inner + (line % inner);
    return Array.from({ length }, (_, i) => first + i * inner);
  });
}

const sumsSoFar = (values: readonly number[], { reverse, exclusive }: CumsumOptions): number[] => {
  const order = reverse ? values.toReversed() : values;
  let sum = 0;
  const sums = order.map((value) => {
    const before = sum;
    sum += value;
    return exclusive ? before : sum;
  });
  return reverse ? sums.toReversed() : sums;
};

checkOp<CumsumOptions>(cumsum, {
  samples: [
    { shapes: [[3, 37]] },
    { shapes: [[2, 5, 3]], options: { axis: 1, reverse: true } },
    { shapes: [[5000]], options: { exclusive: true } },
    { shapes: [[2, 4100]], options: { reverse: true, exclusive: true } },
    { shapes: [[3, 0]] },
  ],
  tolerance: 1e-4,
  judgesNaN: false,
  reference([x], [shape], options = {}) {
    const y = new Float64Array(x!.length);
    for (const line of lines(shape!, options.axis ?? -1))
      sumsSoFar(
        line.map((at) => x![at]!),
        options,
      ).forEach((sum, i) => (y[line[i]!] = sum));
    return y;
  },
});
checkOp(cumsum, {
  shapes: [[3, 2100]],
  dtype: 'i32',
  constant: true,
  reference: ([x], [shape]) => {
    const y = new Float64Array(x!.length);
    for (const line of lines(shape!, -1))
      sumsSoFar(
        line.map((at) => x![at]!),
        {},
      ).forEach((sum, i) => (y[line[i]!] = sum));
    return y;
  },
});

/** Places of values in order; NaN is the largest. */
function inOrder(values: readonly number[], { descending = false }: SortOptions): number[] {
  const compare = (a: number, b: number): number => {
    if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
    return a - b;
  };
  return [...values.keys()].toSorted((i, j) => (descending ? -1 : 1) * compare(values[i]!, values[j]!) || i - j);
}

const sortedAlong = (
  x: Float64Array,
  shape: Shape,
  { axis = -1, keep, ...options }: SortOptions & { keep?: number },
  of: (line: readonly number[], place: number) => number,
): Float64Array => {
  const [at, length] = [axis < 0 ? axis + shape.length : axis, shape.at(axis)!];
  const count = keep ?? length;
  const y = new Float64Array((x.length / Math.max(1, length)) * count);
  const out = lines(shape.with(at, count), axis);
  lines(shape, axis).forEach((line, n) => {
    inOrder(
      line.map((place) => x[place]!),
      options,
    )
      .slice(0, count)
      .forEach((place, i) => (y[out[n]![i]!] = of(line, place)));
  });
  return y;
};

const named = <F extends object>(name: string, work: F): F => Object.defineProperty(work, 'name', { value: name });
const values = named('sort', (x: Tensor, options?: SortOptions) => sort(x, options).values);
const order = named('places of sort', (x: Tensor, options?: SortOptions) => sort(x, options).indices);
const coarse = (value: number): number => Math.round(4 * value) / 4;

const sorting: OpCheck<SortOptions> = {
  samples: [
    { shapes: [[3, 37]] },
    { shapes: [[2, 5, 3]], options: { axis: 1, descending: true } },
    { shapes: [[2, 4500]], options: { descending: true } },
    { shapes: [[300, 3]], options: { axis: 0 } },
    { shapes: [[3, 0]] },
  ],
  selects: true,
  judgesNaN: false,
};
checkOp<SortOptions>(values, {
  ...sorting,
  reference: ([x], [shape], options = {}) => sortedAlong(x!, shape!, options, (line, place) => x![line[place]!]!),
});
for (const dtype of ['f32', 'i32', 'u32'] as const)
  checkOp<SortOptions>(order, {
    ...sorting,
    domain: (value) => (dtype === 'f32' ? coarse(value) : Math.round(50 * (dtype === 'u32' ? Math.abs(value) : value))),
    dtype,
    constant: true,
    judgesNaN: false,
    reference: ([x], [shape], options = {}) => sortedAlong(x!, shape!, options, (_, place) => place),
  });

checkOp<SortOptions>(
  named('topK', (x: Tensor, options?: SortOptions) => topK(x, 3, options).values),
  {
    samples: [{ shapes: [[3, 37]] }, { shapes: [[5, 300, 2]], options: { axis: 1, descending: false } }],
    selects: true,
    judgesNaN: false,
    reference: ([x], [shape], options = {}) =>
      sortedAlong(
        x!,
        shape!,
        { ...options, descending: options.descending ?? true, keep: 3 },
        (line, place) => x![line[place]!]!,
      ),
  },
);

checkOp<PlaceOptions>(gather as CheckableOp<PlaceOptions>, {
  samples: [
    {
      shapes: [
        [3, 7],
        [3, 20],
      ],
    },
    {
      shapes: [
        [2, 7, 5],
        [1, 9, 1],
      ],
      options: { axis: 1 },
    },
    {
      shapes: [
        [40, 3],
        [300, 3],
      ],
      options: { axis: 0 },
    },
  ],
  integers: { 1: ([x], options) => x!.at(options?.axis ?? -1)! + 1 },
  selects: true,
  reference([x, indices], [shape, places], { axis = -1 } = {}) {
    const at = axis < 0 ? axis + shape!.length : axis;
    const wanted = shape!.with(at, places![at]!);
    const [from, to] = [lines(shape!, axis), lines(wanted, axis)];
    const y = new Float64Array(sizeOf(wanted));
    to.forEach((line, n) =>
      line.forEach((place) => {
        const index = indices![indexPlace(places!, wanted, place)]!;
        y[place] = index < shape![at]! ? x![from[n]![index]!]! : 0;
      }),
    );
    return y;
  },
});

/** Where the index of an element is, with axes of one index for all. */
function indexPlace(shape: Shape, wanted: Shape, place: number): number {
  let [rest, step, at] = [place, 1, 0];
  for (let axis = wanted.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1) at += (rest % wanted[axis]!) * step;
    rest = Math.floor(rest / wanted[axis]!);
    step *= shape[axis]!;
  }
  return at;
}

checkOp<PlaceOptions>(scatterAdd as CheckableOp<PlaceOptions>, {
  samples: [
    {
      shapes: [
        [3, 7],
        [3, 300],
        [3, 300],
      ],
    },
    {
      shapes: [
        [2, 7, 5],
        [2, 9, 5],
        [2, 9, 5],
      ],
      options: { axis: 1 },
    },
    {
      shapes: [
        [40, 3],
        [5, 3],
        [5, 3],
      ],
      options: { axis: 0 },
    },
    {
      shapes: [
        [3, 7],
        [3, 0],
        [3, 0],
      ],
    },
  ],
  integers: { 1: ([x], options) => x!.at(options?.axis ?? -1)! + 1 },
  judgesNaN: false,
  reference([x, indices, added], [shape, places], { axis = -1 } = {}) {
    const y = Float64Array.from(x!);
    const [to, from] = [lines(shape!, axis), lines(places!, axis)];
    from.forEach((line, n) =>
      line.forEach((place) => {
        const target = to[n]![indices![place]!];
        if (target !== undefined) y[target]! += added![place]!;
      }),
    );
    return y;
  },
});

test.each([4, 300])('NaN is larger than every number, in rows of %i', async (length) => {
  const values = Float32Array.from({ length }, (_, i) => [NaN, Infinity, -0, 0, -Infinity][i % 5]!);
  const { values: sorted, indices } = device.scope(() => sort(device.tensor(values, [length])));
  const [ordered, places] = await device.read([sorted, indices]);
  const expected = inOrder([...values], {});
  expect(places).toEqual(Uint32Array.from(expected));
  expect(ordered).toEqual(values.map((_, i) => values[expected[i]!]!));
  for (const tensor of [sorted, indices]) tensor.dispose();
});

test('values of one element are added in the order of their places', async () => {
  const count = 1000;
  const values = Float32Array.from({ length: count }, (_, i) => Math.sin(i) * 10 ** (i % 7));
  const y = device.scope(() =>
    scatterAdd(
      device.tensor(new Float32Array(2), [2]),
      device.tensor(new Uint32Array(count).fill(1), [count]),
      device.tensor(values, [count]),
    ),
  );
  let expected = 0;
  for (let start = 0; start < count; start += 64) {
    let sum = 0;
    for (const value of values.subarray(start, start + 64)) sum = Math.fround(sum + value);
    expected = Math.fround(expected + sum);
  }
  expect(await y.read()).toEqual(Float32Array.of(0, expected));
  y.dispose();
});

test('wrong shapes and types are refused in one line', () => {
  const x = device.empty([3, 7]);
  expect(() => gather(x, device.empty([2, 7], 'u32'))).toThrow(
    /^gather: expected indices of the same axes.* got \[3, 7\] and \[2, 7\]$/,
  );
  expect(() => gather(x, device.empty([3, 7]))).toThrow(/^gather: expected indices of u32, got f32/);
  expect(() => topK(x, 8)).toThrow(ShapeError);
  expect(() => cumsum(device.empty([]))).toThrow(/^cumsum: expected an axis, got \[\]$/);
});
