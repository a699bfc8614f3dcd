// Convolutions and pools by their definition, one output after the other.
import { expect, test } from 'vitest';
import { checkOp } from '../../../../test/check-op.ts';
import { device } from '../../../../test/gpu.ts';
import type { CheckableOp } from '../check/op-check.ts';
import type { Shape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { conv1d, conv2d, type ConvolutionOptions } from './convolution.ts';
import { avgPool, maxPool, type PoolOptions } from './pool.ts';
import { type Padding, type Pair, windowsOf } from './window.ts';

const both = (value: Pair): readonly [number, number] => (typeof value === 'number' ? [value, value] : value);

interface Window {
  readonly size: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly dilation: readonly [number, number];
  readonly before: readonly [number, number];
  readonly out: readonly [number, number];
}

/** Where a window begins and how many there are, counted anew. */
function windowOf(
  [height, width]: readonly [number, number],
  size: readonly [number, number],
  { stride = 1, padding = 0, dilation = 1 }: { stride?: Pair; padding?: Padding; dilation?: Pair },
): Window {
  const [steps, gaps] = [both(stride), both(dilation)];
  const reach = size.map((length, i) => gaps[i]! * (length - 1) + 1);
  const all = [height, width].map((length, i) => {
    if (padding === 'same') {
      const out = Math.ceil(length / steps[i]!);
      const missing = Math.max(0, (out - 1) * steps[i]! + reach[i]! - length);
      return { before: Math.floor(missing / 2), out };
    }
    const before = padding === 'valid' ? 0 : both(padding)[i]!;
    return { before, out: Math.floor((length + 2 * before - reach[i]!) / steps[i]!) + 1 };
  });
  const before = all.map((one) => one.before) as [number, number];
  return { size, stride: steps, dilation: gaps, before, out: all.map(({ out }) => out) as [number, number] };
}

/** The places that a window sees in its plane, with the place in the window; none for padding. */
function* seen(window: Window, [height, width]: readonly [number, number], [i, j]: readonly [number, number]) {
  for (let a = 0; a < window.size[0]; a++)
    for (let b = 0; b < window.size[1]; b++) {
      const row = i * window.stride[0] + a * window.dilation[0] - window.before[0];
      const column = j * window.stride[1] + b * window.dilation[1] - window.before[1];
      const isInside = row >= 0 && row < height && column >= 0 && column < width;
      if (isInside) yield { at: row * width + column, tap: a * window.size[1] + b };
    }
}

checkOp<ConvolutionOptions>(conv2d as CheckableOp<ConvolutionOptions>, {
  inEveryFamily: true,
  shared: [1],
  judgesNaN: false,
  samples: [
    {
      shapes: [
        [1, 1, 1, 1],
        [1, 1, 1, 1],
      ],
    },
    {
      shapes: [
        [2, 3, 7, 9],
        [5, 3, 3, 3],
      ],
      options: { padding: 'same' },
    },
    {
      shapes: [
        [2, 4, 8, 5],
        [6, 2, 3, 2],
      ],
      options: { stride: [2, 1], padding: [1, 0], groups: 2, dilation: [1, 2] },
    },
    {
      shapes: [
        [1, 3, 11, 11],
        [70, 3, 2, 2],
      ],
      options: { stride: 2 },
    },
    {
      shapes: [
        [2, 6, 5, 5],
        [6, 1, 3, 3],
      ],
      options: { groups: 6, padding: 'same', stride: 2 },
    },
    {
      shapes: [
        [0, 3, 4, 4],
        [2, 3, 3, 3],
      ],
    },
  ],
  reference([x, w], [xShape, wShape], { groups = 1, ...options } = {}) {
    const [images, channels, height, width] = xShape as [number, number, number, number];
    const [out, inputs, kh, kw] = wShape as [number, number, number, number];
    const window = windowOf([height, width], [kh, kw], options);
    const y: number[] = [];
    for (let b = 0; b < images; b++)
      for (let co = 0; co < out; co++)
        for (let i = 0; i < window.out[0]; i++)
          for (let j = 0; j < window.out[1]; j++) {
            const group = Math.floor(co / (out / groups));
            let sum = 0;
            for (let ci = 0; ci < inputs; ci++)
              for (const { at, tap } of seen(window, [height, width], [i, j]))
                sum +=
                  x![(b * channels + group * inputs + ci) * height * width + at]! *
                  w![(co * inputs + ci) * kh * kw + tap]!;
            y.push(sum);
          }
    return y;
  },
});

type PoolCheck = PoolOptions & { readonly size: Pair };

function pooled(of: (values: readonly number[], size: number) => number) {
  return ([x]: readonly Float64Array[], [shape]: readonly Shape[], { size, stride = size, ...rest }: PoolCheck) => {
    const plane = [shape!.at(-2)!, shape!.at(-1)!] as const;
    const window = windowOf(plane, both(size), { stride, ...rest });
    const area = plane[0] * plane[1];
    const y: number[] = [];
    for (let first = 0; first < x!.length; first += area)
      for (let i = 0; i < window.out[0]; i++)
        for (let j = 0; j < window.out[1]; j++)
          y.push(
            of(
              Array.from(seen(window, plane, [i, j]), ({ at }) => x![first + at]!),
              window.size[0] * window.size[1],
            ),
          );
    return y;
  };
}

const pools = [
  { shapes: [[2, 3, 6, 8]], options: { size: 2 } },
  { shapes: [[3, 7, 70]], options: { size: [3, 2], stride: [2, 1], padding: [1, 0] } },
  { shapes: [[2, 5, 5]], options: { size: 3, stride: 2, padding: 'same' } },
  { shapes: [[0, 4, 4]], options: { size: 2 } },
] as const;
const named = <F extends object>(name: string, work: F): F => Object.defineProperty(work, 'name', { value: name });

checkOp<PoolCheck>(
  named('maxPool', (x: Tensor, { size, ...options }: PoolCheck) => maxPool(x, size, options)),
  { samples: pools, selects: true, judgesNaN: false, reference: pooled((values) => Math.max(...values)) },
);
checkOp<PoolCheck>(
  named('avgPool', (x: Tensor, { size, ...options }: PoolCheck) => avgPool(x, size, options)),
  {
    samples: pools,
    judgesNaN: false,
    reference: pooled((values, size) => values.reduce((sum, value) => sum + value, 0) / size),
  },
);

test('a convolution along one axis is one over images of one row, and adds its bias', async () => {
  const x = device.tensor(Float32Array.of(1, 2, 3, 4, 5), [1, 1, 5]);
  const weights = device.tensor(Float32Array.of(1, 0, -1, 2, 2, 2), [2, 1, 3]);
  const bias = device.tensor(Float32Array.of(10, 20), [2]);
  const y = device.scope(() => conv1d(x, weights, { stride: 2, padding: 1, bias }));
  expect(y.shape).toEqual([1, 2, 3]);
  expect([...(await y.read())]).toEqual([8, 8, 14, 26, 38, 38]);
  for (const tensor of [x, weights, bias, y]) tensor.dispose();
});

test('a maximum over NaN is NaN, and one over padding alone does not exist', async () => {
  const x = device.tensor(Float32Array.of(1, NaN, 3, 4), [2, 2]);
  const y = device.scope(() => maxPool(x, 2));
  expect([...(await y.read())]).toEqual([NaN]);
  for (const tensor of [x, y]) tensor.dispose();
  expect(() => windowsOf('maxPool', { shape: [2, 2], size: [3, 3] }, {})).toThrow(
    /^maxPool: expected images of at least 3 elements along each axis, got \[2, 2\]$/,
  );
});

test('what does not fit is refused in one line', () => {
  const x = device.empty([2, 4, 8, 8]);
  const weights = device.empty([6, 4, 3, 3]);
  expect(() => conv2d(x, device.empty([6, 3, 3, 3]))).toThrow(
    /^conv2d: expected x .* with 1 groups, got \[2, 4, 8, 8\] and/,
  );
  expect(() => conv2d(x, weights, { stride: 0 })).toThrow(
    /^conv2d: expected stride to be one or two whole numbers from 1, got 0$/,
  );
  expect(() => conv2d(x, weights, { bias: device.empty([5]) })).toThrow(/^conv2d: expected a bias \(6\), got \[5\]$/);
});
