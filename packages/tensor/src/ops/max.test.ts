import { expect, test } from 'vitest';
import { checkOp } from '../../../../test/check-op.ts';
import { device, families, withFamilies } from '../../../../test/gpu.ts';
import { reduced } from './axis.reference.ts';
import { max } from './max.ts';

checkOp(max, {
  samples: [
    { shapes: [[1, 1]], options: { axis: 1 } },
    { shapes: [[37, 257]], options: { axis: 1 } },
    { shapes: [[3, 37, 5]], options: { axis: -2, keepAxis: true } },
  ],
  reference: reduced((values) => Math.max(...values)),
  selects: true,
});

test.each(families)('max gives the gradient of equal elements to the first (%s)', (_family, choice) =>
  withFamilies(choice, async () => {
    const x = device.tensor(Float32Array.of(1, 7, 7, 7, -Infinity, -Infinity, -Infinity, -Infinity), [2, 4]);
    const { y, dx } = device.scope(() => {
      const y = device.empty([2]);
      const saved = max.forward(device, [x], y, { axis: 1 })!;
      const [dx] = max.backward(
        device,
        { inputs: [x], y, saved, dy: device.tensor(Float32Array.of(3, 5)), needs: [true], shards: 1 },
        { axis: 1 },
      );
      return { y, dx: dx! };
    });
    expect([...(await y.read())]).toEqual([7, -Infinity]);
    expect([...(await dx.read())]).toEqual([0, 3, 0, 0, 5, 0, 0, 0]);
    for (const tensor of [x, y, dx]) tensor.dispose();
  }),
);
