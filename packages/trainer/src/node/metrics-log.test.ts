import { execFileSync } from 'node:child_process';
import { appendFile, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { StepMetrics } from '../train.ts';
import { MetricsLog, readCurves } from './metrics-log.ts';

let folder: string;
let path: string;
beforeEach(async () => (path = join((folder = await mkdtemp(join(tmpdir(), 'metrics-'))), 'metrics.jsonl')));
afterEach(() => rm(folder, { recursive: true }));

const metrics = (step: number, loss: number): StepMetrics => ({
  step,
  loss,
  metrics: {},
  isEmpty: false,
  gradNorm: 1,
  learningRate: 0.5,
  tokens: 10 * step,
  tokensPerSecond: 100,
  stepMs: 9,
  computeMs: 5,
  waitMs: 3,
  updateMs: 1,
});

it.each<[string, () => Promise<unknown>, RegExp]>([
  [
    'that no memory holds',
    () => truncate(path, 2 ** 40),
    /metrics\.jsonl: expected a log, got 1099511627776 bytes, which is/,
  ],
  [
    'that is a pipe',
    async () => (await rm(path), execFileSync('mkfifo', [path])),
    /metrics\.jsonl: expected a log, got a pipe\nhint: /,
  ],
])('a log %s is refused before the run goes on', async (_, make, message) => {
  await writeFile(path, '');
  await make();
  await expect(MetricsLog.open(path, { after: 0 })).rejects.toThrow(message);
});

const write = async (work: (log: MetricsLog) => void, after = Infinity): Promise<void> => {
  const log = await MetricsLog.open(path, { after });
  work(log);
  log.close();
};

describe('MetricsLog', () => {
  it('writes one object per line', async () => {
    await write((log) => {
      log.step(metrics(1, 4.5));
      log.validation({ step: 1, loss: 4.25, metrics: {} });
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
    await write((log) => log.step(metrics(1, 4)));
    await appendFile(path, '{"step":2,"lo');
    await write((log) => log.step(metrics(2, 3)));
    expect((await readCurves(path)).loss.train).toEqual([
      { step: 1, value: 4 },
      { step: 2, value: 3 },
    ]);
  });

  it('forgets what a run that begins again after a step has logged of later ones', async () => {
    await write((log) => {
      for (const step of [1, 2, 3, 4]) log.step(metrics(step, step));
      log.validation({ step: 1, loss: 0.5, metrics: {} });
      log.validation({ step: 4, loss: 0.25, metrics: {} });
    });
    await write((log) => log.step(metrics(2, 20)), 1);
    expect((await readCurves(path)).loss).toEqual({
      train: [
        { step: 1, value: 1 },
        { step: 2, value: 20 },
      ],
      validation: [{ step: 1, value: 0.5 }],
    });
  });

  it('keeps metrics apart from a step’s own figures', async () => {
    await write((log) => {
      log.step({ ...metrics(1, 4), metrics: { accuracy: 0.5 } });
      log.validation({ step: 1, loss: 3, metrics: { accuracy: 0.25, recall: 1 } });
    });
    expect([...(await readCurves(path)).metrics]).toEqual([
      ['accuracy', { train: [{ step: 1, value: 0.5 }], validation: [{ step: 1, value: 0.25 }] }],
      ['recall', { train: [], validation: [{ step: 1, value: 1 }] }],
    ]);
  });
});
