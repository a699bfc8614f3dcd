import { add, type Device, mul, type Tensor } from '@lockstep/tensor';
import { beforeAll, expect, test } from 'vitest';
import { device } from '../../../../../test/gpu.ts';
import { CeilingProbe } from '../ceilings.ts';
import { figures } from '../measure.ts';
import type { KernelRow } from '../bench-file.ts';
import { type KernelCase, timedFrom } from './case.ts';
import { captured, measureVariants, type Variant } from './variants.ts';

const doubling = (run: (inputs: readonly Tensor[], on: Device) => Tensor): KernelCase => ({
  op: 'double',
  shape: '1000',
  inputs: [{ shape: [1000] }],
  flops: 1000,
  bytes: 8000,
  run,
  expected: ([x], place) => ({ value: 2 * x![place]!, scale: 1 }),
});

let probe: CeilingProbe;
beforeAll(async () => {
  probe = await CeilingProbe.create(device);
});

async function measured(variants: readonly Variant[], rounds = 1): Promise<KernelRow[]> {
  const all: KernelRow[] = [];
  for await (const rows of measureVariants(device, variants, { probe, rounds, log: () => {} })) all.push(...rows);
  return all;
}

const generated = { family: 'generated', dtype: 'f32' } as const;

test('what is wrong, or does not run, has no time, and what is right has one', async () => {
  const cases = [
    doubling(([x]) => add(x!, x!)),
    doubling(([x]) => mul(x!, 2.001)),
    doubling((): Tensor => {
      throw new Error('double: cannot');
    }),
  ];
  const rows = await measured(
    cases.map((from) => ({ ...generated, from })),
    3,
  );
  expect(rows.map(({ status }) => status)).toEqual(['ok', 'wrong', 'failed']);
  expect(rows[0]).toMatchObject({ rounds: { length: 3 }, maxError: 0 });
  expect(rows[1]).not.toHaveProperty('us');
  expect(rows[2]).toMatchObject({ message: 'double: cannot' });
});

test('what comes before the mark is not timed', async () => {
  const x = device.tensor(new Float32Array(64));
  const y = device.empty([64]);
  const program = await device.capture(() => {
    device.fill(y, 1);
    device.fill(x, 1);
    device.mark(timedFrom);
    device.copy(x, y);
  });
  expect(captured(program).timed.dispatches).toEqual([program.dispatches[2]]);
  const whole = await device.capture(() => device.copy(x, y));
  expect(captured(whole).timed).toBe(whole);
});

test('what is above the ceiling is a fault of the measurement', () => {
  const rounds = [{ us: 1, copyGbps: 100, fmaGflops: 1000 }];
  expect(figures({ flops: 5e6, bytes: 1 }, rounds)).toMatchObject({ bound: 'fma', percent: 500 });
  expect(figures({ flops: 5e6, bytes: 1 }, rounds).fault).toMatch(/^above/);
  expect(figures({ flops: 5e5, bytes: 1 }, rounds).fault).toBeUndefined();
});
