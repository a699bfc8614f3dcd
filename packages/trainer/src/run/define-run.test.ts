import { adamW } from '@lockstep/nn';
import { describe, expect, it } from 'vitest';
import { cosine } from '../schedule.ts';
import { defineRun, parseRun } from './define-run.ts';
import { overrideRun } from './overrides.ts';
import type { RunOptions } from './run.ts';

const options: RunOptions = {
  name: 'test',
  model: { architecture: 'gpt', layers: 2, heads: 4, width: 64, context: 32 },
  data: { kind: 'text', source: 'a.txt', tokenizer: 'characters', validation: 0.1 },
  optimizer: adamW(),
  schedule: cosine({ peak: 1e-3, warmupSteps: 10 }),
  batch: 16,
  steps: 100,
};

const messageOf = (changes: object): string => {
  try {
    defineRun({ ...options, ...changes });
  } catch (error) {
    expect(error).toMatchObject({ code: 'CONFIG' });
    return (error as Error).message;
  }
  throw new Error('expected an error');
};
const model = (changes: object): object => ({ model: { ...options.model, ...changes } });

describe('defineRun', () => {
  it('fills in what has a default', () => {
    const run = defineRun(options);
    expect(run).toMatchObject({
      shards: 8,
      seed: 1,
      validation: { every: 100, batches: 4 },
      checkpoint: { every: 500, keep: 3 },
    });
    expect(defineRun({ ...options, sample: { prompt: 'Call me' } }).sample).toEqual({
      every: 250,
      prompt: 'Call me',
      tokens: 200,
      temperature: 0.8,
      topK: 40,
    });
  });

  it('gives data that nobody can change and that means the same when read back', () => {
    const run = defineRun(options);
    expect(() => Object.assign(run.model, { layers: 3 })).toThrow(TypeError);
    expect(parseRun(JSON.parse(JSON.stringify(run)), { who: 'test' })).toEqual(run);
  });

  it.each<[string, object, string]>([
    [
      'an unknown key',
      { sede: 3 },
      'defineRun: sede: expected a known name, such as seed (a whole number from 0 to 4294967295), got 3',
    ],
    [
      'an unknown key inside',
      model({ layrs: 3 }),
      'defineRun: model.layrs: expected a known name, such as layers (a whole number from 1 to 1024), got 3',
    ],
    [
      'a misspelt key before the lack of the right one',
      { model: { architecture: 'gpt', lyaers: 2, heads: 4, width: 64, context: 32 } },
      'defineRun: model.lyaers: expected a known name, such as layers (a whole number from 1 to 1024), got 2',
    ],
    [
      'a key like no other',
      { validation: { often: true } },
      'defineRun: validation.often: expected one of every, batches, got true',
    ],
    ['a wrong type', { steps: '100' }, 'defineRun: steps: expected a whole number from 1 to 2147483647, got "100"'],
    [
      'a number with a fraction',
      { batch: 1.5 },
      'defineRun: batch: expected a whole number from 1 to 1048576, got 1.5',
    ],
    [
      'a value out of range',
      model({ dropout: 1 }),
      'defineRun: model.dropout: expected a number from 0 and below 1, got 1',
    ],
    [
      'NaN',
      { schedule: cosine({ peak: NaN, warmupSteps: 1 }) },
      'defineRun: schedule.peak: expected a number above 0 to 100, got NaN',
    ],
    [
      'a missing setting',
      { steps: undefined },
      'defineRun: steps: expected a whole number from 1 to 2147483647, got nothing',
    ],
    [
      'an unknown model',
      model({ architecture: 'gtp' }),
      'defineRun: model.architecture: expected gpt({ … }) or llama({ … }), got "gtp"',
    ],
    ['no model', { model: 3 }, 'defineRun: model: expected gpt({ … }) or llama({ … }), got 3'],
    [
      'a group that is none',
      { sample: 3 },
      'defineRun: sample: expected the settings every, prompt, tokens, temperature, topK, got 3',
    ],
    ['shards that make no tree', { shards: 6 }, 'defineRun: shards: expected a power of two from 1 to 65536, got 6'],
    [
      'a batch that shards do not divide',
      { batch: 12 },
      'defineRun: batch: expected a multiple of shards (8), got 12\nhint: 8 or 16 would do',
    ],
    [
      'a width that heads do not divide',
      model({ width: 66 }),
      'defineRun: model.width: expected a multiple of model.heads (4), got 66',
    ],
    [
      'keys and values that do not divide the heads',
      { model: { architecture: 'llama', layers: 1, heads: 4, kvHeads: 3, width: 64, context: 8 } },
      'defineRun: model.kvHeads: expected a divisor of model.heads (4), got 3',
    ],
    [
      'a name that is a path',
      { name: '../x' },
      'defineRun: name: expected a name of letters, digits, ".", "_" and "-" that begins with a letter or digit, got "../x"',
    ],
  ])('says in one line what is wrong: %s', (_, changes, message) => {
    expect(messageOf(changes)).toBe(message);
  });

  it('says what it got when that is no run at all', () => {
    expect(() => parseRun(undefined, { who: 'train' })).toThrow(
      /^train: expected the settings name, model, .*, got nothing$/,
    );
  });

  it('keeps a long value short', () => {
    expect(messageOf({ batch: 'x'.repeat(500) }).length).toBeLessThan(130);
  });
});

describe('overrideRun', () => {
  const run = defineRun(options);

  it('puts settings over those of the run, the last one last', () => {
    const changed = overrideRun(run, ['model.layers=4', 'batch=8', 'batch=32']);
    expect(changed).toMatchObject({ batch: 32, model: { layers: 4, heads: 4 } });
    expect(run.batch).toBe(16);
  });

  it.each<[string, object]>([
    ['name=20250101', { name: '20250101' }],
    ['name=true', { name: 'true' }],
    ['data.source=2024', { data: { source: '2024' } }],
    ['data.tokenizer=null', { data: { tokenizer: 'null' } }],
    ['sample.prompt=a=b', { sample: { prompt: 'a=b', every: 250 } }],
    ['sample.prompt={"a":1}', { sample: { prompt: '{"a":1}' } }],
    ['sample.prompt="two\\nlines"', { sample: { prompt: 'two\nlines' } }],
    ['seed=4294967295', { seed: 4294967295 }],
    ['seed= 007', { seed: 7 }],
    ['steps=1e3', { steps: 1000 }],
    ['schedule.peak=.5', { schedule: { peak: 0.5, kind: 'cosine' } }],
    ['optimizer.shard=true', { optimizer: { shard: true } }],
    ['validation={"every":5}', { validation: { every: 5, batches: 4 } }],
    [
      'schedule={"kind":"wsd","peak":1,"warmupSteps":0,"decaySteps":3,"floor":0}',
      { schedule: { kind: 'wsd', decaySteps: 3 } },
    ],
  ])('reads %s as the setting wants it', (override, expected) => {
    expect(overrideRun(run, [override])).toMatchObject(expected);
  });

  it.each([
    ['batch', '--set: expected path=value such as model.layers=4, got batch'],
    ['bacth=8', '--set: bacth: expected a known name, such as batch (a whole number from 1 to 1048576), got 8'],
    [
      'modle.layers=8',
      '--set: modle: expected a known name, such as model (gpt({ … }) or llama({ … })), got {"layers":8}',
    ],
    ['seed=-1', '--set: seed: expected a whole number from 0 to 4294967295, got -1'],
    ['seed=4294967296', '--set: seed: expected a whole number from 0 to 4294967295, got 4294967296'],
    ['seed=0x10', '--set: seed: expected a whole number from 0 to 4294967295, got "0x10"'],
    ['steps=', '--set: steps: expected a whole number from 1 to 2147483647, got ""'],
    ['optimizer.shard=1', '--set: optimizer.shard: expected true or false, got "1"'],
    ['model=null', '--set: model: expected gpt({ … }) or llama({ … }), got "null"'],
    [
      'model.__proto__=1',
      '--set: model.__proto__: expected one of architecture, layers, heads, width, context, vocab, checkpoint, dropout, got 1',
    ],
    ['model.layers=many', '--set: model.layers: expected a whole number from 1 to 1024, got "many"'],
    ['batch.size=8', '--set: batch: expected a whole number from 1 to 1048576, got {"size":8}'],
    [
      'data.tokenizer={"kind":"bpe","vocab":3}',
      '--set: data.tokenizer.vocab: expected characters, bytes, the path of a tokenizer.json, or bpe({ vocab: 257 to 1048576 }), got 3',
    ],
    ['batch=12', '--set: batch: expected a multiple of shards (8), got 12\nhint: 8 or 16 would do'],
  ])('refuses %s', (override, message) => {
    expect(() => overrideRun(run, [override])).toThrow(expect.objectContaining({ message, code: 'CONFIG' }));
  });
});
