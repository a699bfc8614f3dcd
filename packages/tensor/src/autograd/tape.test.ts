import { expect, test } from 'vitest';
import { device } from '../../../../test/gpu.ts';
import { mul } from '../ops/arithmetic.ts';
import { sum } from '../ops/sum.ts';
import { Parameter, type Tensor } from '../tensor.ts';
import { differentiate, withGradients } from './differentiate.ts';

test('a gradient is whole though the loss leaves one of its parameter’s uses out', async () => {
  const w = new Parameter('w', device.tensor(Float32Array.of(1, 2, 3, 4)), device.tensor(new Float32Array(4)));
  const loss = differentiate(device, () => {
    const loss = sum(mul(w, 3), { axis: 0, keepAxis: true });
    mul(w, 5);
    return loss;
  });
  expect([...(await w.gradient.read())]).toEqual([3, 3, 3, 3]);
  for (const tensor of [w, w.gradient, loss]) tensor.dispose();
});

test('second derivatives are refused, where they would have been zero in silence', () => {
  const x = device.tensor(Float32Array.of(1, 2));
  const slope = (): Tensor => {
    const { gradients } = withGradients(device, () => sum(mul(x, mul(x, x))), { wanted: [x] });
    return sum(gradients[0]!);
  };
  expect(() => withGradients(device, slope, { wanted: [x] })).toThrow(
    /^withGradients: expected work that is not itself differentiated, got some that is: there are no second derivatives\nhint: /,
  );
  x.dispose();
});
