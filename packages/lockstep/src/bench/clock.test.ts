import { openDevice } from '@lockstep/tensor/node';
import { type Program, time } from '@lockstep/tensor';
import { afterAll, expect, test } from 'vitest';
import { Clock, grainOf } from './clock.ts';
import { multiplyAdds } from './multiply-adds.ts';

const device = await openDevice();
afterAll(() => device.close());

const quantum = 0.065536;

test('the grain of a clock is the largest step of which all times are multiples', () => {
  expect(grainOf([131_072, 196_608, 0, 65_536])).toBe(65_536);
  expect(grainOf([1_000_001, 2_000_000])).toBe(1);
  expect(grainOf([0, 0])).toBeUndefined();
  expect(grainOf([5, -5])).toBeUndefined();
});

test('a clock that a browser rounds is found out, and reads passes of many of its steps', async () => {
  const passes: number[] = [];
  const rounded = async (program: Program, repeats: number): Promise<number> => {
    const ms = repeats * (await time(device, program, repeats));
    passes.push(ms);
    return (Math.floor(ms / quantum) * quantum) / repeats;
  };
  const clock = await Clock.open(device, rounded);
  expect(clock.timer).toEqual({ of: 'gpu', grainUs: expect.closeTo(65.536, 6) as number });
  const { program, dispose } = await multiplyAdds(device, 64);
  await clock.repeatsFor(program);
  dispose();
  expect(passes.at(-1)).toBeGreaterThan(99 * quantum);
});

test('a clock whose ticks are no nanoseconds is not believed', async () => {
  const clock = await Clock.open(device, async (...pass) => (await time(device, ...pass)) / 52);
  expect(clock.of).toBe('host');
  const { program, dispose } = await multiplyAdds(device, 2048);
  const repeats = await clock.repeatsFor(program);
  const [host, gpu] = [await clock.time(program, repeats), await time(device, program, repeats)];
  dispose();
  expect(host).toBeGreaterThan(gpu / 2);
  expect(host).toBeLessThan(2 * gpu);
});
