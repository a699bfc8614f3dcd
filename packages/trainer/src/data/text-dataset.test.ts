import { bytes } from '@lockstep/nn';
import { describe, expect, test } from 'vitest';
import { ConfigError } from '@lockstep/errors';
import type { BatchPart, BatchRequest } from './dataset.ts';
import { TextDataset } from './text-dataset.ts';
import { memoryStore } from './token-store.ts';

/** Token i is i, so that a batch shows where it was read. */
const counting = (length: number, validation = 0.1): TextDataset =>
  new TextDataset({
    name: 'a test',
    sha256: '',
    store: memoryStore(Uint32Array.from({ length }, (_, i) => i)),
    tokenizer: bytes(),
    validation,
  });

type Tokens = Record<'tokens' | 'targets', Uint32Array>;

/** A batch of rows of so many tokens. */
function batchOf(dataset: TextDataset, { context, ...request }: BatchRequest & { context: number }): Tokens {
  return dataset.batches({ context }).batch(request) as unknown as Tokens;
}

function validationOf(
  dataset: TextDataset,
  index: number,
  { context, ...part }: BatchPart & { context: number },
): Tokens {
  return dataset.batches({ context }).validationBatch(index, part) as unknown as Tokens;
}

/** Where the rows of a batch begin in the text. */
function starts(tokens: Uint32Array, context: number): number[] {
  return Array.from({ length: tokens.length / context }, (_, row) => tokens[row * context]!);
}

const whole = { shard: 0, shards: 1 };

test('targets are the tokens one place on, and rows are runs of the text', () => {
  const { tokens, targets } = batchOf(counting(1000), { step: 3, seed: 1, batchSize: 4, context: 16, ...whole });
  expect(tokens.length).toBe(64);
  expect(targets).toEqual(tokens.map((token) => token + 1));
  for (const [row, start] of starts(tokens, 16).entries()) {
    expect(tokens.slice(row * 16, (row + 1) * 16)).toEqual(Uint32Array.from({ length: 16 }, (_, i) => start + i));
  }
});

test.each([1, 2, 4, 8])('%d shards together are the batch that one shard reads', (shards) => {
  const dataset = counting(5000);
  const options = { step: 11, seed: 9, batchSize: 8, context: 32 };
  const parts = Array.from({ length: shards }, (_, shard) => [
    ...batchOf(dataset, { ...options, shard, shards }).tokens,
  ]);
  expect(parts.flat()).toEqual([...batchOf(dataset, { ...options, ...whole }).tokens]);
});

test('a range of shards is its shards one after the other', () => {
  const dataset = counting(5000);
  const part = { step: 2, seed: 9, batchSize: 8, context: 32, shards: 4 };
  const [two, three] = [2, 3].map((shard) => [...batchOf(dataset, { ...part, shard }).targets]);
  expect([...batchOf(dataset, { ...part, shard: 2, count: 2 }).targets]).toEqual([...two!, ...three!]);
});

describe('an epoch', () => {
  const context = 10;
  const dataset = counting(1005);
  const perEpoch = dataset.sequencesPerEpoch(context);
  const epoch = (number: number, seed = 1): number[] =>
    Array.from({ length: perEpoch }, (_, i) =>
      batchOf(dataset, { step: number * perEpoch + i, seed, batchSize: 1, context, ...whole }),
    ).flatMap(({ tokens }) => starts(tokens, context));

  test('visits every sequence once, without overlap and within the training text', () => {
    const sorted = epoch(0).sort((a, b) => a - b);
    expect(sorted).toEqual(Array.from({ length: perEpoch }, (_, i) => sorted[0]! + i * context));
    expect(sorted[0]).toBeLessThan(context);
    expect(sorted.at(-1)! + context).toBeLessThan(dataset.trainTokens);
  });

  test('has an order and borders of its own', () => {
    expect(epoch(0)).toEqual(epoch(0));
    expect(epoch(1)).not.toEqual(epoch(0));
    expect(epoch(0, 2)).not.toEqual(epoch(0));
    expect(new Set([0, 1, 2, 3, 4, 5].map((number) => epoch(number)[0]! % context)).size).toBeGreaterThan(2);
  });

  test('may end in the middle of a batch', () => {
    const { tokens } = batchOf(dataset, { step: 0, seed: 1, batchSize: perEpoch + 2, context, ...whole });
    expect(starts(tokens, context)).toEqual([...epoch(0), ...epoch(1).slice(0, 2)]);
  });
});

describe('the validation part', () => {
  test('is the end of the text, and training never reads it', () => {
    const dataset = counting(1000, 0.2);
    expect([dataset.trainTokens, dataset.validationTokens]).toEqual([800, 200]);
    for (let step = 0; step < 200; step++) {
      const { targets } = batchOf(dataset, { step, seed: step, batchSize: 2, context: 7, ...whole });
      expect(Math.max(...targets)).toBeLessThan(800);
    }
  });

  test('is read in order, the same for everybody, and again from its start', () => {
    const dataset = counting(1000, 0.1);
    const part = { batchSize: 4, context: 16 };
    expect(dataset.validationSequences(16)).toBe(6);
    const read = (index: number): number[] => starts(validationOf(dataset, index, { ...part, ...whole }).tokens, 16);
    expect(read(0)).toEqual([900, 916, 932, 948]);
    expect(read(1)).toEqual([964, 980, 900, 916]);
    const shards = [0, 1].flatMap((shard) =>
      starts(validationOf(dataset, 1, { ...part, shard, shards: 2 }).tokens, 16),
    );
    expect(shards).toEqual(read(1));
  });

  test('is at most 2^20 tokens', () => {
    expect(counting(1_200_000, 0.95).validationTokens).toBe(2 ** 20);
  });
});

describe('refuses', () => {
  test('an empty text, and a share that is none', () => {
    expect(() => counting(0)).toThrow('text: expected a text, got nothing in a test');
    for (const share of [1, -0.1, NaN]) expect(() => counting(10, share)).toThrow(ConfigError);
  });

  test('a context as long as the text, and takes one that is just shorter', () => {
    const dataset = counting(100, 0);
    const part = { step: 0, seed: 1, batchSize: 1, ...whole };
    expect(() => batchOf(dataset, { ...part, context: 100 })).toThrow(ConfigError);
    expect(() => dataset.batches({ context: 100 })).toThrow(
      'text: expected more than 100 training tokens for a context of 100, got 100 in a test',
    );
    expect(starts(batchOf(dataset, { ...part, context: 99 }).tokens, 99)).toEqual([0]);
    for (let context = 1; context < 100; context++) {
      for (let step = 0; step < 30; step++)
        expect(Math.max(...batchOf(dataset, { ...part, step, context }).targets)).toBeLessThan(100);
    }
  });

  test('validation on a part that is too short or not there', () => {
    expect(() => counting(1000, 0.01).batches({ context: 50 })).toThrow(
      'more than 50 validation tokens for a context of 50, got 10',
    );
    expect(() => validationOf(counting(1000, 0), 0, { batchSize: 1, context: 8, ...whole })).toThrow(ConfigError);
    expect(() => counting(1000, 0).batches({ context: 50 })).not.toThrow();
  });

  test('a batch that the shards do not divide', () => {
    expect(() => batchOf(counting(100), { step: 0, seed: 0, shard: 0, shards: 4, batchSize: 6, context: 4 })).toThrow(
      'expected a batch that is a multiple of 4 shards, got 6',
    );
  });
});
