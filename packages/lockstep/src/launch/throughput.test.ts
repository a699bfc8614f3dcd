import type { StepMetrics } from '@lockstep/trainer';
import { expect, it } from 'vitest';
import { Throughput } from './throughput.ts';

const step = (stepMs: number, tokens: number): StepMetrics =>
  ({ stepMs, tokensPerSecond: (1000 * tokens) / stepMs }) as StepMetrics;

it('leaves out the first step, unless it is the only one', () => {
  const throughput = new Throughput();
  expect([throughput.overall, throughput.current]).toEqual([0, 0]);
  throughput.add(step(1000, 500));
  expect(throughput.overall).toBe(500);
  throughput.add(step(100, 500));
  throughput.add(step(300, 500));
  expect(throughput.overall).toBeCloseTo(2500);
});

it('is current over the last ten steps', () => {
  const throughput = new Throughput();
  for (let i = 0; i < 20; i++) throughput.add(step(i < 10 ? 1000 : 100, 500));
  expect(throughput.current).toBeCloseTo(5000);
});
