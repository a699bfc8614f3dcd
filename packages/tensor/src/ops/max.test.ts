import { expect, test } from 'vitest';
import { withGradients } from '../autograd/differentiate.ts';
import { checkOp } from '../../../../test/check-op.ts';
import { device, families, withFamilies } from '../../../../test/gpu.ts';
import { argmax, argmin, max, min } from './max.ts';
import { reduced } from './reduced.reference.ts';

const samples = [
  { shapes: [[1, 1]], options: { axis: 1 } },
  { shapes: [[37, 257]], options: { axis: 1 } },
  { shapes: [[3, 37, 5]], options: { axis: -2, keepAxis: true } },
  { shapes: [[2, 9999, 3]], options: { axis: 1 } },
];

checkOp(max, { inEveryFamily: 'rows', samples, reference: reduced((values) => Math.max(...values)), selects: true });
checkOp(min, { samples: samples.slice(0, 3), reference: reduced((values) => Math.min(...values)), selects: true });

const firstOf = (values: Float64Array, isBetter: (a: number, b: number) => boolean): number =>
  values.reduce(
    (best, value, i) =>
      !Number.isNaN(values[best]!) && (Number.isNaN(value) || isBetter(value, values[best]!)) ? i : best,
    0,
  );

checkOp(argmax, {
  inEveryFamily: 'rows',
  constant: true,
  judgesNaN: false,
  samples,
  reference: reduced((values) => firstOf(values, (a, b) => a > b)),
});
checkOp(argmin, {
  constant: true,
  judgesNaN: false,
  samples: samples.slice(0, 3),
  reference: reduced((values) => firstOf(values, (a, b) => a < b)),
});

test.each(families)('max gives the gradient of equal elements to the first (%s)', (_family, choice) =>
  withFamilies(choice, async () => {
    const x = device.tensor(Float32Array.of(1, 7, 7, 7, -Infinity, -Infinity, -Infinity, -Infinity), [2, 4]);
    const { loss, gradients } = withGradients(device, () => max(x, { axis: 1 }), {
      wanted: [x],
      seed: () => device.tensor(Float32Array.of(3, 5)),
    });
    expect([...(await loss.read())]).toEqual([7, -Infinity]);
    expect([...(await gradients[0]!.read())]).toEqual([0, 3, 0, 0, 5, 0, 0, 0]);
    for (const tensor of [x, loss, gradients[0]!]) tensor.dispose();
  }),
);

test('the place of the first NaN, and of the first of equal elements', async () => {
  const x = device.tensor(Float32Array.of(1, NaN, 3, NaN, 0, -0, 5, 5), [2, 4]);
  expect([...(await argmax(x, { axis: 1 }).read())]).toEqual([1, 2]);
  expect([...(await argmin(x, { axis: 1 }).read())]).toEqual([1, 0]);
});
