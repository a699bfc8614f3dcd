import { expect, test } from 'vitest';
import { checkOp } from '../../../../test/check-op.ts';
import { device } from '../../../../test/gpu.ts';
import { rotary, rotaryTable } from './rotary.ts';

const context = 300;

/** What {@link rotaryTable} holds, from complex numbers. */
const angles = (headSize: number): Float64Array =>
  Float64Array.from({ length: context * headSize }, (_, i) => {
    const [position, c, half] = [Math.floor(i / headSize), i % headSize, headSize / 2];
    const angle = position / 10_000 ** ((2 * (c % half)) / headSize);
    return Math.fround(c < half ? Math.cos(angle) : Math.sin(angle));
  });

checkOp(rotary, {
  inEveryFamily: true,
  samples: [
    {
      shapes: [
        [1, 1, 6],
        [1, 1],
        [context, 2],
      ],
      options: { heads: 1 },
    },
    {
      shapes: [
        [2, 37, 80],
        [2, 37],
        [context, 10],
      ],
      options: { heads: 4, kvHeads: 2 },
    },
    {
      shapes: [
        [1, 257, 96],
        [1, 257],
        [context, 32],
      ],
      options: { heads: 1 },
    },
  ],
  integers: { 1: () => context },
  tables: { 2: ([, , table]) => angles(table![1]!) },
  reference([x, positions, table], [shape, , tableShape], { heads, kvHeads = heads }) {
    const headSize = tableShape![1];
    const half = headSize! / 2;
    return x!.map((value, i) => {
      const [row, column] = [Math.floor(i / shape![2]!), i % shape![2]!];
      if (column >= (heads + kvHeads) * headSize!) return value;
      const c = column % headSize!;
      const at = positions![row]! * headSize! + (c % half);
      const rotated = c < half ? -x![i + half]! : x![i - half]!;
      return value * table![at]! + rotated * table![at + half]!;
    });
  },
});

test('rotaryTable holds cosines and sines to the last bit of f32', async () => {
  const table = rotaryTable(device, { context, headSize: 10 });
  expect(await table.read()).toEqual(Float32Array.from(angles(10)));
  table.dispose();
});

test('rotaryTable and rotary refuse odd heads', () => {
  expect(() => rotaryTable(device, { context, headSize: 5 })).toThrow(
    'rotaryTable: expected an even head size, got [5]',
  );
  expect(() =>
    rotary.definition.shape(
      [
        [1, 2, 15],
        [1, 2],
        [context, 5],
      ],
      { heads: 1 },
    ),
  ).toThrow(/^rotary: .*with D even/);
});
