import { expect, test } from 'vitest';
import { checkOp } from '../../../../test/check-op.ts';
import { device } from '../../../../test/gpu.ts';
import { withGradients } from '../autograd/differentiate.ts';
import { noise } from '../check/noise.ts';
import type { Device } from '../device/device.ts';
import { openDevice } from '@lockstep/tensor/node';
import type { Tensor } from '../tensor.ts';
import { mul } from './arithmetic.ts';
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
  const [x, positions, table] = [device.empty([1, 2, 15]), device.empty([1, 2], 'u32'), device.empty([context, 5])];
  expect(() => rotary(x, positions, table, { heads: 1 })).toThrow(/^rotary: .*with D even/);
  expect(() => rotary(device.empty([1, 3, 2, 5]), positions)).toThrow(
    'rotary: expected (B, H, T, D) and (B, T) with D even, got [1, 3, 2, 5] and [1, 2]',
  );
});

test('heads are turned alike where one sequence is more than a binding', async () => {
  const narrow = await openDevice({ limits: { maxStorageBufferBindingSize: 32_768, maxBufferSize: 65_536 } });
  const numbers = Float32Array.from(noise(2 * 2 * 3 * 192 * 16, 4));
  const turned = async (on: Device, positionsOf: { shards?: number }): Promise<Float32Array[]> => {
    const x = on.tensor(numbers, [2, 3, 192, 16], { shards: 2 });
    const places = Uint32Array.from({ length: 2 * 192 * (positionsOf.shards ?? 1) }, (_, i) => (7 * i) % 300);
    const positions = on.tensor(places, [2, 192], positionsOf);
    const work = (): Tensor => mul(rotary(x, positions), x);
    const { loss, gradients } = withGradients(on, work, { wanted: [x] });
    return on.read([loss, gradients[0]!]);
  };
  for (const positionsOf of [{}, { shards: 2 }])
    expect(await turned(narrow, positionsOf)).toEqual(await turned(device, positionsOf));
  await narrow.close();
});
