import { add, mul, type Tensor } from '@lockstep/tensor';
import { expect, test } from 'vitest';
import { device } from '../../../../../test/gpu.ts';
import { CeilingProbe } from '../ceilings.ts';
import { figures } from '../measure.ts';
import type { KernelCase } from './case.ts';
import { measureVariants } from './variants.ts';

const doubling = (run: KernelCase['run']): KernelCase => ({
  op: 'double',
  shape: '1000',
  inputs: [{ shape: [1000] }],
  flops: 1000,
  bytes: 8000,
  run,
  expected: ([x], place) => ({ value: 2 * x![place]!, scale: 1 }),
});

test('what is wrong, or does not run, has no time, and what is right has one', async () => {
  const cases = [
    doubling(([x]) => add(x!, x!)),
    doubling(([x]) => mul(x!, 2.001)),
    doubling((): Tensor => {
      throw new Error('double: cannot');
    }),
  ];
  const probe = await CeilingProbe.create(device);
  const variants = cases.map((from) => ({ from, family: 'generated' }));
  const rows = await measureVariants(device, variants, { probe, rounds: 3, log: () => {} });
  expect(rows.map(({ status }) => status)).toEqual(['ok', 'wrong', 'failed']);
  expect(rows[0]).toMatchObject({ rounds: { length: 3 }, maxError: 0 });
  expect(rows[1]).not.toHaveProperty('us');
  expect(rows[2]).toMatchObject({ message: 'double: cannot' });
});

test('what is above the ceiling is a fault of the measurement', () => {
  const rounds = [{ us: 1, copyGbps: 100, fmaGflops: 1000 }];
  expect(figures({ flops: 5e6, bytes: 1 }, rounds)).toMatchObject({ bound: 'fma', percent: 500 });
  expect(figures({ flops: 5e6, bytes: 1 }, rounds).fault).toMatch(/^above/);
  expect(figures({ flops: 5e5, bytes: 1 }, rounds).fault).toBeUndefined();
});
