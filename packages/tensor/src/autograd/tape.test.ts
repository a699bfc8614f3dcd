import { expect, test } from 'vitest';
import { device } from '../../../test/gpu.ts';
import { scale } from './ops/scale.ts';
import { sum } from './ops/sum.ts';
import { Parameter } from './tensor.ts';

test('a gradient is whole though the loss leaves one of its parameter’s uses out', async () => {
  const w = new Parameter('w', device.tensor(Float32Array.of(1, 2, 3, 4)), device.tensor(new Float32Array(4)));
  const loss = device.differentiate(() => {
    const loss = sum(scale(w, { by: 3 }), { axis: 0, keepAxis: true });
    scale(w, { by: 5 });
    return loss;
  });
  expect([...(await w.gradient.read())]).toEqual([3, 3, 3, 3]);
  for (const tensor of [w, w.gradient, loss]) tensor.dispose();
});
