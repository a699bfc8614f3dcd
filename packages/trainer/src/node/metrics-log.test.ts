import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { StepMetrics } from '../train.ts';
import { MetricsLog, readLosses } from './metrics-log.ts';

let folder: string;
let path: string;
beforeEach(async () => (path = join((folder = await mkdtemp(join(tmpdir(), 'metrics-'))), 'metrics.jsonl')));
afterEach(() => rm(folder, { recursive: true }));

const metrics = (step: number, loss: number): StepMetrics => ({
  step,
  loss,
  gradNorm: 1,
  learningRate: 0.5,
  tokens: 10 * step,
  tokensPerSecond: 100,
  stepMs: 9,
  computeMs: 5,
  waitMs: 3,
  updateMs: 1,
});

const write = (work: (log: MetricsLog) => void): void => {
  const log = new MetricsLog(path);
  work(log);
  log.close();
};

describe('MetricsLog', () => {
  it('writes one object per line', async () => {
    write((log) => {
      log.step(metrics(1, 4.5));
      log.validation({ step: 1, loss: 4.25 });
    });
    const lines = (await readFile(path, 'utf8')).split('\n');
    expect(lines).toHaveLength(3);
    expect(JSON.parse(lines[0]!)).toEqual({
      step: 1,
      loss: 4.5,
      lr: 0.5,
      gradNorm: 1,
      tokens: 10,
      tokensPerSecond: 100,
      stepMs: 9,
      computeMs: 5,
      waitMs: 3,
      updateMs: 1,
    });
    expect(JSON.parse(lines[1]!)).toEqual({ step: 1, validationLoss: 4.25 });
  });

  it('goes on behind a line that a crash has cut, and loses only that one', async () => {
    write((log) => log.step(metrics(1, 4)));
    await appendFile(path, '{"step":2,"lo');
    write((log) => log.step(metrics(2, 3)));
    expect((await readLosses(path)).train).toEqual([
      { step: 1, loss: 4 },
      { step: 2, loss: 3 },
    ]);
  });

  it('counts a step that was taken twice once, in its place', async () => {
    write((log) => [1, 2, 3].forEach((step) => log.step(metrics(step, step))));
    write((log) => [2, 3, 4].forEach((step) => log.step(metrics(step, 10 * step))));
    expect((await readLosses(path)).train.map(({ loss }) => loss)).toEqual([1, 20, 30, 40]);
  });
});
