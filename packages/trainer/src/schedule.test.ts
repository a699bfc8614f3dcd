import { describe, expect, it } from 'vitest';
import { constant, cosine, highestRate, learningRate, type Schedule as AnySchedule, wsd } from './schedule.ts';

/** Settings that built-in schedules have, or some of them. */
type Schedule = AnySchedule<{
  readonly peak: number;
  readonly warmupSteps: number;
  readonly floor?: number;
  readonly decaySteps?: number;
}>;

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

  it('ends the warm-up at the peak also where the run ends with it', () => {
    for (const schedule of [cosine({ peak: 1, warmupSteps: 10 }), wsd({ peak: 1, warmupSteps: 10, decaySteps: 5 })])
      expect(learningRate(schedule, 9, 10)).toBe(1);
  });

  it('keeps the peak of wsd to the end where nothing is to decay', () => {
    const schedule = wsd({ peak: 1, warmupSteps: 2, decaySteps: 0 });
    expect([0, 1, 2, 3, 4, 5].map((step) => learningRate(schedule, step, 6))).toEqual([0.5, 1, 1, 1, 1, 1]);
  });
});

/** Small runs with every kind of schedule, at and around all boundaries. */
const grid = [1, 2, 3, 7].flatMap((total) =>
  [0, 1, 2, 3, 6, 7, 8].flatMap((warmupSteps) =>
    [0, 0.1, 1].flatMap((floor): [Schedule, number][] => [
      [constant({ peak: 0.3, warmupSteps }), total],
      [cosine({ peak: 0.3, warmupSteps, floor }), total],
      ...[0, 1, 3, 7, 9].map((decaySteps): [Schedule, number] => [
        wsd({ peak: 0.3, warmupSteps, decaySteps, floor }),
        total,
      ]),
    ]),
  ),
);

describe('any schedule, in a run of any length', () => {
  const each = (check: (rates: number[], schedule: Schedule) => void): void => {
    for (const [schedule, total] of grid) {
      const all = Array.from({ length: total }, (_, step) => learningRate(schedule, step, total));
      check(all, schedule);
    }
  };

  it('rises to its highest rate, which is the peak where the run is as long as the warm-up, and never rises again', () => {
    each((all, schedule) => {
      const top = Math.max(...all);
      const at = all.indexOf(top);
      expect(all.slice(0, at + 1)).toEqual(all.slice(0, at + 1).toSorted((a, b) => a - b));
      expect(all.slice(at)).toEqual(all.slice(at).toSorted((a, b) => b - a));
      expect(at).toBe(Math.min(all.length, Math.max(1, schedule.warmupSteps)) - 1);
      expect(top === schedule.peak, JSON.stringify([schedule, all])).toBe(all.length >= schedule.warmupSteps);
      expect(highestRate(schedule, all.length)).toBe(top);
    });
  });

  it('stays between 0 and the peak, and between floor and peak after the warm-up', () => {
    each((all, schedule) => {
      const { floor = 1 } = schedule;
      for (const rate of all) expect(rate >= 0 && rate <= schedule.peak, JSON.stringify([schedule, all])).toBe(true);
      for (const rate of all.slice(schedule.warmupSteps)) expect(rate).toBeGreaterThanOrEqual(schedule.peak * floor);
    });
  });

  it('ends at the floor where there is a decay, and something left for it', () => {
    each((all, schedule) => {
      const decays = schedule.kind === 'cosine' || (schedule.kind === 'wsd' && schedule.decaySteps! > 0);
      if (decays && all.length > Math.max(1, schedule.warmupSteps))
        expect(all.at(-1)).toBe(schedule.peak * schedule.floor!);
    });
  });
});
