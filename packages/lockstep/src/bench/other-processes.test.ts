import { expect, test } from 'vitest';
import { OtherProcesses, type Times } from './other-processes.ts';

test('what others take is what is busy and not ours, of all that there is, while it is counted', async () => {
  const clock: Times[] = [
    { busy: 100, whole: 1000, own: 50 },
    { busy: 180, whole: 1100, own: 100 },
    // Not counted in between.
    { busy: 900, whole: 2000, own: 100 },
    { busy: 990, whole: 2100, own: 180 },
  ];
  const others = new OtherProcesses(() => clock.shift()!);
  expect(others.share).toBe(0);
  expect(await others.during(() => Promise.resolve('done'))).toBe('done');
  expect(others.share).toBeCloseTo(0.3);
  await others.during(() => Promise.resolve());
  expect(others.share).toBeCloseTo(0.2);
});

test('the machine’s own clock counts this process as none of the others', async () => {
  const others = new OtherProcesses();
  await others.during(async () => {
    for (const end = performance.now() + 100; performance.now() < end;) await Promise.resolve();
  });
  expect(others.share).toBeGreaterThanOrEqual(0);
  expect(others.share).toBeLessThanOrEqual(1);
});
