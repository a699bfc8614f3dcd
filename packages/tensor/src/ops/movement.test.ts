// Ops that move elements: by where each element of the result comes from.
import { openDevice } from '@lockstep/tensor/node';
import { expect, test } from 'vitest';
import { checkOp } from '../../../../test/check-op.ts';
import { device } from '../../../../test/gpu.ts';
import { denseStrides } from '../graph/layout.ts';
import { type Shape, sizeOf } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { broadcastTo } from './broadcast-to.ts';
import { cast } from './cast.ts';
import { concat, stack } from './concat.ts';
import { detach } from './detach.ts';
import { flip } from './flip.ts';
import { permute, transpose } from './permute.ts';
import { repeat } from './repeat.ts';
import { reshape } from './reshape.ts';
import { pad, slice } from './slice.ts';
import { split } from './split.ts';
import { squeeze, unsqueeze } from './squeeze.ts';
import { tril, triu } from './triangle.ts';
import { where } from './where.ts';

/** An array of a shape from a function of its indices. */
const built = (shape: Shape, at: (indices: number[]) => number): Float64Array => {
  const strides = denseStrides(shape);
  return Float64Array.from({ length: sizeOf(shape) }, (_, i) =>
    at(shape.map((length, axis) => Math.floor(i / strides[axis]!) % length)),
  );
};
const at = (x: Float64Array, shape: Shape, indices: readonly number[]): number => {
  const strides = denseStrides(shape);
  return x[indices.reduce((sum, index, axis) => sum + index * strides[axis]!, 0)]!;
};
const named = <F extends (...args: never[]) => Tensor>(name: string, f: F): F =>
  Object.defineProperty(f, 'name', { value: name });

const shape = [3, 5, 4];
const samples = [{ shapes: [shape] }];

checkOp(permute, {
  samples: [{ shapes: [shape], options: [2, 0, 1] as unknown as object }],
  reference: ([x]) => built([4, 3, 5], ([k, i, j]) => at(x!, shape, [i!, j!, k!])),
});
checkOp(transpose, { samples, reference: ([x]) => built([3, 4, 5], ([i, k, j]) => at(x!, shape, [i!, j!, k!])) });
checkOp(flip, {
  samples: [{ shapes: [shape], options: [0, 2] as unknown as object }],
  reference: ([x]) => built(shape, ([i, j, k]) => at(x!, shape, [2 - i!, j!, 3 - k!])),
});
checkOp(slice, {
  samples: [{ shapes: [shape], options: { axis: 1, start: 1, end: -1 } }],
  reference: ([x]) => built([3, 3, 4], ([i, j, k]) => at(x!, shape, [i!, j! + 1, k!])),
});
checkOp(pad, {
  samples: [{ shapes: [shape], options: { axis: 1, before: 2, after: 1, value: 7 } }],
  reference: ([x]) => built([3, 8, 4], ([i, j, k]) => (j! < 2 || j! > 6 ? 7 : at(x!, shape, [i!, j! - 2, k!]))),
});
checkOp(reshape, { samples: [{ shapes: [shape], options: [4, -1] as unknown as object }], reference: ([x]) => x! });
checkOp(
  named('reshapeOfTranspose', (x: Tensor) => reshape(transpose(x), [-1, 2])),
  {
    samples,
    reference: ([x]) => built([3, 4, 5], ([i, k, j]) => at(x!, shape, [i!, j!, k!])),
  },
);
checkOp(broadcastTo, {
  samples: [{ shapes: [[5, 1]], options: [2, 5, 3] as unknown as object }],
  reference: ([x]) => built([2, 5, 3], ([, j]) => x![j!]!),
});
checkOp(squeeze, { samples: [{ shapes: [[3, 1, 5, 1]] }], reference: ([x]) => x! });
checkOp(unsqueeze, { samples: [{ shapes: [shape], options: -1 as unknown as object }], reference: ([x]) => x! });
checkOp(detach, { samples, constant: true, reference: ([x]) => x! });
checkOp(repeat, {
  samples: [{ shapes: [[2, 3]], options: [2, 1, 3] as unknown as object }],
  reference: ([x]) => built([2, 2, 9], ([, i, j]) => x![i! * 3 + (j! % 3)]!),
});
for (const [op, sees] of [
  [tril, (row: number, column: number) => column <= row + 1],
  [triu, (row: number, column: number) => column >= row + 1],
] as const) {
  checkOp(op, {
    samples: [{ shapes: [shape], options: { diagonal: 1 } }],
    selects: true,
    reference: ([x]) => built(shape, ([i, j, k]) => (sees(j!, k!) ? at(x!, shape, [i!, j!, k!]) : 0)),
  });
}
checkOp(
  named('concat', (a: Tensor, b: Tensor) => concat([a, b], { axis: 1 })),
  {
    samples: [
      {
        shapes: [
          [3, 2, 4],
          [3, 5, 4],
        ],
      },
    ],
    reference: ([a, b]) =>
      built([3, 7, 4], ([i, j, k]) => (j! < 2 ? at(a!, [3, 2, 4], [i!, j!, k!]) : at(b!, shape, [i!, j! - 2, k!]))),
  },
);
checkOp(
  named('stack', (a: Tensor, b: Tensor) => stack([a, b], { axis: -1 })),
  {
    samples: [
      {
        shapes: [
          [3, 5],
          [3, 5],
        ],
      },
    ],
    reference: ([a, b]) => built([3, 5, 2], ([i, j, k]) => (k === 0 ? a! : b!)[i! * 5 + j!]!),
  },
);
checkOp(
  named('split', (x: Tensor) => split(x, 3, { heads: 2 })[1]!),
  {
    samples: [{ shapes: [[2, 3, 12]] }],
    reference: ([x]) => built([2, 2, 3, 2], ([b, h, t, d]) => at(x!, [2, 3, 12], [b!, t!, 4 + 2 * h! + d!])),
  },
);
checkOp(cast, {
  samples: [{ shapes: [[70]], options: 'i32' as unknown as object }],
  constant: true,
  judgesNaN: false,
  reference: ([x]) => x!.map(Math.trunc),
});

test('views of views copy nothing until somebody has to read them', async () => {
  const x = device.tensor(
    Float32Array.from({ length: 24 }, (_, i) => i),
    [2, 3, 4],
  );
  const program = await device.capture(() => slice(flip(transpose(reshape(x, [6, 4]))), { axis: 0, start: 1 }));
  expect(program.dispatches.length).toBe(1);
  program.dispose();
  x.dispose();
});

test('what lies around a part in memory is not what it is padded with', async () => {
  const [height, width] = [6, 9];
  const isInside = (i: number): boolean => i >= 2 * width && i < 4 * width && i % width >= 3 && i % width < 7;
  const x = device.tensor(
    Float32Array.from({ length: height * width }, (_, i) => (isInside(i) ? i : NaN)),
    [height, width],
  );
  const part = slice(slice(x, { axis: 0, start: 2, end: 4 }), { axis: 1, start: 3, end: 7 }); // (2, 4)
  const grown = pad(pad(part, { axis: 0, before: 1, after: 2 }), { axis: -1, before: 4, after: 5, value: -1 }); // (5, 13)
  const expected = built([5, 13], ([i, j]) => {
    if (j! < 4 || j! >= 8) return -1;
    return i! < 1 || i! >= 3 ? 0 : (i! + 1) * width + j! - 1;
  });
  expect(Array.from(await grown.read())).toEqual([...expected]);
  expect(Array.from(await flip(transpose(grown)).read())).toEqual([
    ...built([13, 5], ([j, i]) => expected[(4 - i!) * 13 + 12 - j!]!),
  ]);
  expect(await grown.sum().item()).toBe(expected.reduce((sum, one) => sum + one, 0));
});

test('numbers and words are padded in one kernel, also in parts that the adapter can bind', async () => {
  const narrow = await openDevice({ limits: { maxStorageBufferBindingSize: 1024 } });
  for (const on of [device, narrow]) {
    const numbers = on.tensor(
      Float32Array.from({ length: 4 * 250 }, (_, i) => i),
      [250, 4],
    );
    const words = on.tensor(
      Uint32Array.from({ length: 4 * 250 }, (_, i) => i % 2),
      [250, 4],
    );
    const around = { axis: 0, before: 70, after: 11 };
    const y = where(pad(words, { ...around, value: 1 }), pad(numbers, { ...around, value: 5 }), 3); // (331, 4)
    const inner = Array.from({ length: 4 * 250 }, (_, i) => (i % 2 === 1 ? i : 3));
    const outer = (rows: number): number[] => Array<number>(4 * rows).fill(5);
    expect(Array.from(await y.read())).toEqual([...outer(70), ...inner, ...outer(11)]);
  }
  await narrow.close();
});
