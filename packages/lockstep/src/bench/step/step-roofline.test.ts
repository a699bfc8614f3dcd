import { expect, test } from 'vitest';
import { stepRow } from '../bench-file.fixture.ts';
import { boundSentence, placeOf, stepRoofline } from './step-roofline.ts';

const ceilings = { copyGbps: 100, fmaGflops: 1000 };
const times = { us: 1000, hostUs: 50, readbackUs: 20, passUs: 900, dispatchUs: 10, ceilings };
/** At half of the multiply-add ceiling. */
const product = { ms: 0.8, work: { flops: 4e8, bytes: 1e6 } };
/** At half of the copy ceiling. */
const copied = { ms: 0.1, work: { flops: 0, bytes: 5e6 } };
/** What takes no longer than a dispatch that does nothing. */
const tiny = { ms: 0.01, work: { flops: 1, bytes: 8 } };

test('a kernel counts to the ceiling it is nearer to, less what a dispatch costs, and the rest of a step to the host and to waiting', () => {
  const { parts, bound, gflops, gbps } = stepRoofline([product, copied], times);
  expect(parts).toEqual({ compute: 790, memory: 90, dispatch: 20, host: 50, wait: 70 });
  expect(bound).toBe('compute');
  expect(gflops).toBeCloseTo(4e8 / 790 / 1e3);
  expect(gbps).toBeCloseTo(5e6 / 90 / 1e3);
});

test.each([
  ['compute', [product], {}],
  ['memory', [copied, copied], { us: 250, passUs: 200 }],
  ['dispatch', Array.from({ length: 50 }, () => tiny), { us: 600, passUs: 500 }],
  ['host', [tiny], { us: 600, passUs: 10, hostUs: 550 }],
  ['wait', [tiny], { us: 600, passUs: 10 }],
  ['wait', [tiny], { us: 100, passUs: 10, readbackUs: 400 }],
])('a step may be bound by %s', (bound, dispatches, own) => {
  expect(stepRoofline(dispatches, { ...times, ...own }).bound).toBe(bound);
});

test('no part is negative where kernels took longer by themselves than the step', () => {
  const { parts } = stepRoofline([product], { ...times, us: 500, passUs: 900 });
  expect(parts).toMatchObject({ host: 0, wait: 20 });
  expect(parts.compute + parts.dispatch).toBeCloseTo(500);
});

test('a kernel has a place by what it computes and moves, and none where nobody has counted', () => {
  const place = placeOf({ kernel: 'a', count: 2, us: 1000, flops: 5e8, bytes: 1e7 }, ceilings);
  expect(place).toEqual({ gflops: 500, gbps: 10, intensity: 50, bound: 'fma', percent: 50 });
  expect(placeOf({ kernel: 'a', count: 2, us: 1000 }, ceilings)).toBeUndefined();
  expect(placeOf({ kernel: 'a', count: 1, us: 1000, flops: 2e9, bytes: 1 }, ceilings)!.fault).toMatch(/^above/);
});

test('a sentence says what a step is bound by, how much of it, and how near to the ceiling', () => {
  expect(boundSentence(stepRow().roofline!, 3)).toBe(
    'Bound by computing: 77 % of 1.02 ms at 600 of 1000 GFLOP/s; memory 9 % at 80.0 of 100 GB/s; waiting and reading back 7 %; the host, which encodes and submits 5 %; dispatches 1 %, 3 of 5.00 µs.',
  );
});
