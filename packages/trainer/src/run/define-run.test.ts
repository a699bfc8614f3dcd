import { adamW, chain, clipByGlobalNorm, defineModel, groups, gpt, layers, lion, llama, muon } from '@lockstep/nn';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { text } from '../data/text.ts';
import { cosine, wsd } from '../schedule.ts';
import { defineRun } from './define-run.ts';
import { overrideRun } from './overrides.ts';
import type { RunOptions } from './run.ts';

const sizes = { layers: 2, heads: 4, width: 64, context: 32 };
const options: RunOptions = {
  name: 'test',
  model: gpt(sizes),
  data: text('a.txt'),
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

  it('gives settings that nobody can change, and that JSON shows', () => {
    const run = defineRun(options);
    expect(() => Object.assign(run.model, { layers: 3 })).toThrow(TypeError);
    expect(JSON.parse(JSON.stringify(run))).toMatchObject({
      model: { kind: 'gpt', layers: 2 },
      optimizer: { kind: 'adamW' },
    });
  });

  it.each<[string, object, string]>([
    [
      'an unknown key',
      { sede: 3 },
      'defineRun: sede: expected a known name, such as seed (a whole number from 0 to 4294967295), got 3',
    ],
    [
      'a key like no other',
      { validation: { often: true } },
      'defineRun: validation.often: expected one of every, batches, patience, lowest, highest, got true',
    ],
    ['a wrong type', { steps: '100' }, 'defineRun: steps: expected a whole number from 1 to 2147483647, got "100"'],
    [
      'a number with a fraction',
      { batch: 1.5 },
      'defineRun: batch: expected a whole number from 1 to 1048576, got 1.5',
    ],
    [
      'a missing setting',
      { steps: undefined },
      'defineRun: steps: expected a whole number from 1 to 2147483647, got nothing',
    ],
    ['no model', { model: 3 }, 'defineRun: model: expected a model, such as gpt({ … }) or one of defineModel, got 3'],
    [
      'a model that was not called',
      { model: gpt },
      'defineRun: model: expected a model, such as gpt({ … }) or one of defineModel, got a function',
    ],
    [
      'an optimizer in the place of a schedule',
      { schedule: adamW() },
      'defineRun: schedule: expected a schedule, such as cosine({ … }), got {"kind":"adamW","beta1":0.9,"beta2":0.95,"epsilon":1e-8,"…',
    ],
    [
      'a group that is none',
      { sample: 3 },
      'defineRun: sample: expected the settings every, prompt, tokens, temperature, topK, got 3',
    ],
    [
      'two things to get better',
      { validation: { patience: 2, lowest: 'loss', highest: 'accuracy' } },
      'defineRun: validation: expected lowest or highest, got both: loss and accuracy',
    ],
    [
      'something to get better that nobody waits for',
      { validation: { highest: 'accuracy' } },
      'defineRun: validation.patience: expected at least 1 where accuracy is to get better, got 0\nhint: patience: 3 ends the run after three validations that were no better',
    ],
    [
      'patience without validations',
      { validation: { every: 0, patience: 1 } },
      'defineRun: validation.patience: expected validations to wait for, got validation.every 0',
    ],
    ['shards that make no tree', { shards: 6 }, 'defineRun: shards: expected a power of two from 1 to 65536, got 6'],
    [
      'a batch that shards do not divide',
      { batch: 12 },
      'defineRun: batch: expected a multiple of shards (8), got 12\nhint: 8 or 16 would do',
    ],
    [
      'a name that is a path',
      { name: '../x' },
      'defineRun: name: expected a name of letters, digits, ".", "_" and "-" that begins with a letter or digit, got "../x"',
    ],
    [
      'validation on nothing',
      { data: text('a.txt', { validation: 0 }) },
      'defineRun: data.validation: expected more than 0 for a validation every 100 steps, got 0\nhint: validation: { every: 0 } does without',
    ],
  ])('says in one line what is wrong: %s', (_, changes, message) => {
    expect(messageOf(changes)).toBe(message);
  });

  it('says what it got when that is no run at all', () => {
    expect(() => defineRun(undefined as unknown as RunOptions)).toThrow(
      /^defineRun: name: expected a name of .*, got nothing$/,
    );
  });

  it('keeps a long value short', () => {
    expect(messageOf({ batch: 'x'.repeat(500) }).length).toBeLessThan(130);
  });
});

describe('a value of a run', () => {
  it.each<[string, () => unknown, string]>([
    [
      'an unknown key',
      () => gpt({ ...sizes, layrs: 3 } as typeof sizes),
      'gpt: layrs: expected a known name, such as layers (a whole number from 1 to 4096), got 3',
    ],
    [
      'a misspelt key before the lack of the right one',
      () => gpt({ lyaers: 2, heads: 4, width: 64, context: 32 } as unknown as typeof sizes),
      'gpt: lyaers: expected a known name, such as layers (a whole number from 1 to 4096), got 2',
    ],
    [
      'a value out of range',
      () => gpt({ ...sizes, dropout: 1 }),
      'gpt: dropout: expected a number from 0 and below 1, got 1',
    ],
    ['NaN', () => cosine({ peak: NaN }), 'cosine: peak: expected a number above 0 to 100, got NaN'],
    [
      'a width that heads do not divide',
      () => gpt({ ...sizes, width: 66 }),
      'gpt: width: expected a multiple of heads (4), got 66',
    ],
    [
      'keys and values that do not divide the heads',
      () => llama({ ...sizes, kvHeads: 3 }),
      'llama: kvHeads: expected a divisor of heads (4), got 3',
    ],
    [
      'half a step of decay',
      () => wsd({ decaySteps: 2.5 }),
      'wsd: decaySteps: expected a whole number from 0, or a share of the steps below 1, got 2.5',
    ],
  ])('says in one line what is wrong with it: %s', (_, make, message) => {
    expect(make).toThrow(expect.objectContaining({ message, code: 'CONFIG' }));
  });

  it('of a user’s own is checked by its own schema, in words that follow from it', () => {
    const mine = defineModel({
      name: 'mine',
      settings: z.object({
        depth: z.int().min(1).max(9),
        kind: z.enum(['a', 'b']).optional(),
        fast: z.boolean().default(true),
      }),
      create: ({ depth }) => ({ parameters: layers.repeat(depth, () => layers.linear(2, 2)) }),
    });
    expect(mine({ depth: 3 })).toMatchObject({ kind: 'mine', depth: 3, fast: true });
    expect(() => mine({ depth: 10 })).toThrow('mine: depth: expected a whole number from 1 to 9, got 10');
    expect(() => mine({ depht: 1 } as unknown as { depth: number })).toThrow(
      'mine: depht: expected a known name, such as depth',
    );
    const run = defineRun({ ...options, model: mine({ depth: 3 }) });
    expect(overrideRun(run, ['model.depth=4', 'model.fast=false']).model).toMatchObject({ depth: 4, fast: false });
    expect(() => overrideRun(run, ['model.depth=many'])).toThrow(
      '--set: model.depth: expected a whole number from 1 to 9, got "many"',
    );
  });

  it('without a schema takes whatever JSON holds', () => {
    const free = defineModel({ name: 'free', create: () => ({ parameters: layers.linear(2, 2) }) });
    const run = defineRun({ ...options, model: free({ hidden: 64, name: 'x' }) });
    expect(overrideRun(run, ['model.hidden=32', 'model.name=y']).model).toMatchObject({ hidden: 32, name: 'y' });
    expect(() => free({ call: () => 1 })).toThrow('free: call: expected settings that JSON can hold, got a function');
  });

  it('reaches what it is made of by natural names', () => {
    const optimizer = groups({ matrices: muon({ peak: 0.02 }), rest: chain(clipByGlobalNorm(1), lion()) });
    const run = defineRun({ ...options, optimizer });
    const changed = overrideRun(run, [
      'optimizer.matrices.peak=0.1',
      'optimizer.rest.lion.beta1=0.5',
      'optimizer.rest.clipByGlobalNorm.limit=3',
    ]);
    expect(changed.optimizer).toMatchObject({
      matrices: { kind: 'muon', peak: 0.1 },
      rest: { lion: { beta1: 0.5 }, clipByGlobalNorm: { limit: 3 } },
    });
    expect(overrideRun(run, ['optimizer.shard=true']).optimizer).toMatchObject({ shard: true, rest: { peak: 1 } });
    expect(() => overrideRun(run, ['optimizer.rest.shard=true'])).toThrow(
      '--set: optimizer.rest.shard: expected shard on the outermost optimizer, where it holds for all, got it on chain',
    );
    expect(() => overrideRun(run, ['optimizer.matrices.paek=1'])).toThrow(
      '--set: optimizer.matrices.paek: expected a known name, such as peak (a number above 0 to 1000), got 1',
    );
  });

  it('samples by default where a model learns to go on with a text, and nowhere else', () => {
    expect(defineRun(options).sample.every).toBe(250);
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
    ['schedule={"peak":1,"floor":0}', { schedule: { kind: 'cosine', peak: 1, warmupSteps: 0, floor: 0 } }],
  ])('reads %s as the setting wants it', (override, expected) => {
    expect(overrideRun(run, [override])).toMatchObject(expected);
  });

  it.each([
    ['batch', '--set: expected path=value such as model.layers=4, got batch'],
    ['bacth=8', '--set: bacth: expected a known name, such as batch (a whole number from 1 to 1048576), got 8'],
    [
      'modle.layers=8',
      '--set: modle: expected a known name, such as model (a model, such as gpt({ … }) or one of defineModel), got {"layers":8}',
    ],
    ['seed=-1', '--set: seed: expected a whole number from 0 to 4294967295, got -1'],
    ['seed=4294967296', '--set: seed: expected a whole number from 0 to 4294967295, got 4294967296'],
    ['seed=0x10', '--set: seed: expected a whole number from 0 to 4294967295, got "0x10"'],
    ['steps=', '--set: steps: expected a whole number from 1 to 2147483647, got ""'],
    ['optimizer.shard=1', '--set: optimizer.shard: expected true or false, got "1"'],
    ['model=null', '--set: model: expected the settings of gpt, got "null"\nhint: model.layers=… sets one'],
    [
      'schedule={"kind":"wsd","decaySteps":3}',
      '--set: schedule.kind: expected cosine, which the run file chooses, got "wsd"\nhint: another is code; write it into the run file',
    ],
    [
      'model.__proto__=1',
      '--set: model.__proto__: expected one of layers, heads, width, context, vocab, checkpoint, dropout, got 1',
    ],
    ['model.layers=many', '--set: model.layers: expected a whole number from 1 to 4096, got "many"'],
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
