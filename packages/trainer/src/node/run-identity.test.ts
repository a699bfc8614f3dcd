import { describe, expect, it } from 'vitest';
import { defineRun } from '../run/define-run.ts';
import { overrideRun } from '../run/overrides.ts';
import { runHash, whatChanged } from './run-identity.ts';

const run = defineRun({
  name: 'test',
  model: { architecture: 'gpt', layers: 2, heads: 4, width: 64, context: 32 },
  data: { kind: 'text', source: 'a.txt', tokenizer: 'characters', validation: 0.1 },
  optimizer: { kind: 'sgd', momentum: 0, weightDecay: 0, clipNorm: 0 },
  schedule: { kind: 'constant', peak: 0.1, warmupSteps: 0 },
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
    expect(whatChanged(run, changed)).toBeUndefined();
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
    expect(whatChanged(run, changed)).toBe(message);
  });

  it('does not depend on the order in which settings were written', () => {
    const { architecture, layers, ...sizes } = run.model;
    const reordered = { ...run, model: { layers, ...sizes, architecture } } as typeof run;
    expect(runHash(reordered)).toBe(runHash(run));
  });
});
