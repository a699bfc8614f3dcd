import { PassThrough } from 'node:stream';
import type { StepMetrics } from '@lockstep/trainer';
import { expect, it } from 'vitest';
import { createProgress } from './progress.ts';

const step = (number: number, stepMs = 100): StepMetrics =>
  ({ step: number, loss: 2.5, stepMs, tokensPerSecond: 5120 }) as StepMetrics;

function watch(isTTY: boolean, work: (progress: ReturnType<typeof createProgress>) => void, columns = 200): string {
  const stream = Object.assign(new PassThrough(), {
    isTTY,
    columns,
    cursorTo: () => true,
    moveCursor: () => true,
    clearLine: () => true,
    clearScreenDown: () => true,
  });
  const progress = createProgress({
    stream: stream as unknown as NodeJS.WriteStream,
    steps: 300,
    unit: 'tokens',
    fromStep: 100,
  });
  work(progress);
  progress.end();
  return String(stream.read() ?? '');
}

it('writes plain lines where there is no terminal: the first step, the last, and not one for each', () => {
  const text = watch(false, (progress) => {
    for (let number = 101; number <= 300; number++) progress.step(step(number));
    progress.validation({ loss: 2.25, metrics: {} });
  });
  const lines = text.trimEnd().split('\n');
  expect(lines[0]).toMatch(/^step 101\/300 · loss 2\.5000 · 5,120 tokens\/s · .* left$/);
  expect(lines.at(-2)).toMatch(/^step 300\/300 .* 0 s left$/);
  expect(lines.at(-1)).toBe('validation loss 2.2500');
  expect(lines.length).toBeLessThan(6);
});

it.each([false, true])('says once where no row had a weight (terminal: %s)', (isTTY) => {
  const text = watch(isTTY, (progress) => {
    for (const number of [101, 102, 103]) progress.step({ ...step(number), isEmpty: number > 101 });
  });
  expect(text.match(/note: in step \d+ no row had a weight in a part of the loss/g)).toEqual([
    'note: in step 102 no row had a weight in a part of the loss',
  ]);
});

it('draws a bar on a terminal, with notes above it', () => {
  const text = watch(true, (progress) => {
    progress.step(step(200));
    progress.validation({ loss: 2.25, metrics: {} });
    progress.note('a note');
  });
  expect(text).toContain('a note\n');
  expect(text).toMatch(/█+░+.* step 200\/300 · loss 2\.5000 · validation 2\.2500 · 5,120 tokens\/s · .* left/);
});

it('does not count the first step, which also prepares the device, for the time that is left', () => {
  const text = watch(true, (progress) => {
    progress.step(step(101, 3_600_000));
    progress.step(step(102));
  });
  expect(text).toMatch(/step 102\/300 .* [0-9] s left/);
});

it.each([100, 80, 50])('keeps to one line of a terminal %i columns wide, with the time that is left', (columns) => {
  const work = (progress: ReturnType<typeof createProgress>): void => {
    progress.step(step(101));
    progress.validation({ loss: 2.25, metrics: {} });
  };
  const frame = /[█░]+ step 101\P{Cc}*(?=[^█░]*$)/u.exec(watch(true, work, columns))?.[0];
  expect(frame).toMatch(/ left$/);
  expect(frame!.length).toBeLessThan(columns);
});
