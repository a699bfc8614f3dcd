import { describe, expect, it } from 'vitest';
import { constant, cosine, learningRate, type Schedule, wsd } from './schedule.ts';

const steps = 100;
const rates = (schedule: Schedule): number[] =>
  Array.from({ length: steps }, (_, step) => learningRate(schedule, step, steps));

describe.each<[string, Schedule]>([
  ['constant', constant({ peak: 0.5, warmupSteps: 10 })],
  ['cosine', cosine({ peak: 0.5, warmupSteps: 10 })],
  ['wsd', wsd({ peak: 0.5, warmupSteps: 10, decaySteps: 20 })],
])('%s', (_, schedule) => {
  it('rises evenly over the warm-up and ends it at the peak', () => {
    const first = rates(schedule).slice(0, 10);
    for (const [step, rate] of first.entries()) expect(rate).toBeCloseTo((0.5 * (step + 1)) / 10, 12);
  });

  it('never rises again, never passes the peak, never falls below zero', () => {
    const after = rates(schedule).slice(9);
    expect(after).toEqual(after.toSorted((a, b) => b - a));
    expect(Math.max(...after)).toBe(0.5);
    expect(Math.min(...after)).toBeGreaterThanOrEqual(0);
  });
});

describe('learningRate', () => {
  it('starts at the peak when there is no warm-up', () => {
    expect(learningRate(constant({ peak: 0.5 }), 0, steps)).toBe(0.5);
    expect(learningRate(wsd({ peak: 0.5, warmupSteps: 0, decaySteps: 10 }), 0, steps)).toBe(0.5);
  });

  it('ends a cosine at its floor, with half of the way behind it in the middle', () => {
    const schedule = cosine({ peak: 1, warmupSteps: 10, floor: 0.2 });
    expect(learningRate(schedule, 99, steps)).toBeCloseTo(0.2, 12);
    expect(learningRate(schedule, 54, steps)).toBeCloseTo(0.6, 12);
  });

  it('holds the peak of wsd until the decay, which is a straight line to the floor', () => {
    const schedule = wsd({ peak: 1, warmupSteps: 10, decaySteps: 20, floor: 0.5 });
    expect(rates(schedule).slice(9, 80)).toEqual(Array.from({ length: 71 }, () => 1));
    expect(learningRate(schedule, 89, steps)).toBeCloseTo(0.75, 12);
    expect(learningRate(schedule, 99, steps)).toBe(0.5);
  });

  it('gives finite rates where a run is shorter than its warm-up or its decay', () => {
    const schedules = [
      cosine({ peak: 1, warmupSteps: 10 }),
      cosine({ peak: 1, warmupSteps: 5 }),
      wsd({ peak: 1, warmupSteps: 10, decaySteps: 50 }),
    ];
    for (const schedule of schedules) {
      for (let step = 0; step < 5; step++)
        expect(learningRate(schedule, step, 5)).toSatisfy((rate: number) => rate > 0 && rate <= 1);
    }
  });
});
