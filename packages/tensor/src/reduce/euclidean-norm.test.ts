import { expect, test } from 'vitest';
import { noise } from '../../../../test/check-op.ts';
import { device, families, withFamilies } from '../../../../test/gpu.ts';
import { euclideanNorm } from './euclidean-norm.ts';

const cases = families.flatMap(([family, choice]) =>
  [4, 64, 64 * 1101, 1_000_000].map((size) => ({ family, choice, size })),
);

test.each(cases)('norm of $size elements ($family)', ({ choice, size }) =>
  withFamilies(choice, async () => {
    const values = Float32Array.from(noise(size, 1));
    const [x, y] = [device.tensor(values), device.empty([1])];
    euclideanNorm(device, x, y);
    const [norm] = await y.read();
    const expected = Math.sqrt(values.reduce((sum, value) => sum + value ** 2, 0));
    expect(Math.abs(norm! / expected - 1)).toBeLessThan(1e-6);
    for (const tensor of [x, y]) tensor.dispose();
  }),
);
