import { gpt, sgd } from '@lockstep/nn';
import { text } from '../data/text.ts';
import { defineRun } from '../run/define-run.ts';
import { constant } from '../schedule.ts';
import { overrideRun } from '../run/overrides.ts';
import { describe, expect, it } from 'vitest';
import { continuedBy, hashesOf, runHash, storedSettings, whatChanged } from './run-identity.ts';

const run = defineRun({
  name: 'test',
  model: gpt({ layers: 2, heads: 4, width: 64, context: 32 }),
  data: text('a.txt'),
  optimizer: sgd(),
  schedule: constant({ peak: 0.1 }),
  batch: 16,
  steps: 100,
});

describe('a run', () => {
  it.each([
    'steps=200',
    'name=b',
    'schedule.peak=0.2',
    'optimizer.shard=true',
    'validation.every=3',
    'sample.tokens=9',
    'checkpoint.keep=1',
  ])('stays itself with another %s', (override) => {
    const changed = overrideRun(run, [override]);
    expect(runHash(changed)).toBe(runHash(run));
    expect(whatChanged(storedSettings(run), changed)).toBeUndefined();
  });

  it.each([
    ['batch=32', 'batch: 16, now 32'],
    ['seed=2', 'seed: 1, now 2'],
    ['wire=bf16', 'wire: "f32", now "bf16"'],
    ['model.vocab=64', 'model.vocab: nothing, now 64'],
    ['data.source=b.txt', 'data.source: "a.txt", now "b.txt"'],
    ['optimizer={"kind":"sgd","momentum":0.9,"weightDecay":0,"clipNorm":0}', 'optimizer.momentum: 0, now 0.9'],
  ])('is another with %s', (override, message) => {
    const changed = overrideRun(run, [override]);
    expect(runHash(changed)).not.toBe(runHash(run));
    expect(whatChanged(storedSettings(run), changed)).toBe(message);
  });

  it('goes on with checkpoints of other settings, and says so to whoever goes on with it', () => {
    const other = overrideRun(run, ['seed=2']);
    const third = overrideRun(run, ['seed=3']);
    expect(continuedBy(run, { run: storedSettings(run) })).toBeUndefined();
    const continues = continuedBy(other, { run: storedSettings(run) })!;
    expect(continues).toContain(runHash(run));
    expect(hashesOf(third, { run: storedSettings(other), continues })).toEqual(
      expect.arrayContaining([runHash(third), runHash(other), runHash(run)]),
    );
  });

  it('is the one that an earlier version recorded, whose defaults were left out', () => {
    const {
      kind: architecture,
      layers,
      heads,
      width,
      context,
    } = run.model as typeof run.model & Record<string, unknown>;
    const before = {
      ...storedSettings(run),
      model: { architecture, layers, heads, width, context },
      optimizer: { kind: 'sgd', momentum: 0, weightDecay: 0, clipNorm: 0 },
      loss: undefined,
    };
    expect(whatChanged(before, run)).toBeUndefined();
    expect(whatChanged(before, overrideRun(run, ['model.layers=3']))).toBe('model.layers: 2, now 3');
    expect(hashesOf(run, { run: before })).toContain(runHash(run));
    expect(new Set(hashesOf(run, { run: before })).size).toBe(2);
  });
});
