// Generation with its cache of keys and values against the plain forward pass over everything the model sees, and the
// drawing of tokens against the distribution it stands for.
import { fileURLToPath } from 'node:url';
import {
  ConfigError,
  createGenerator,
  createModel,
  type GenerateOptions,
  type Generator,
  llama,
  type ModelValue,
  Parameters,
  sample,
} from '@lockstep/nn';
import { fromPretrained } from '@lockstep/nn/node';
import { Random } from '@lockstep/tensor';
import { afterAll, describe, expect, test } from 'vitest';
import { createCachedDecoder } from '../packages/nn/src/generation/cached-decoder.ts';
import { device } from './gpu.ts';

const pretrained = async (name: string): Promise<ModelValue> =>
  (await fromPretrained(fileURLToPath(new URL(`fixtures/${name}`, import.meta.url)))).model;

const descriptions: [string, ModelValue][] = [
  ['gpt2-tiny', await pretrained('gpt2-tiny')],
  ['llama-tiny', await pretrained('llama-tiny')],
  [
    'a Llama with one head of keys and a tied head',
    llama({ layers: 1, heads: 3, kvHeads: 1, width: 30, context: 7, vocab: 19, ropeTheta: 500, tiedHead: true }),
  ],
];

async function collect(ids: AsyncIterable<number>): Promise<number[]> {
  const collected: number[] = [];
  for await (const id of ids) collected.push(id);
  return collected;
}

describe.each(descriptions)('%s', async (_, description) => {
  const model = createModel(description);
  const context = model.context!;
  const { vocab_size: vocab } = model.config() as { vocab_size: number };
  const parameters = new Parameters(device, model);
  const generator = await createGenerator({ device, model });
  afterAll(() => generator.dispose());

  /** Matrices larger than a training begins with, so that scores differ and attention prefers. */
  const draw = async (seed: number): Promise<void> => {
    parameters.initialize(seed);
    const values = await parameters.read();
    for (const { data, shape } of values.values()) if (shape.length > 1) data.forEach((x, i) => (data[i] = 12 * x));
    parameters.load(values);
  };

  const random = new Random({ counters: device.tensor(new Uint32Array(4)) });

  /** Scores after each token of a window, all computed at once. */
  const scores = async (window: readonly number[]): Promise<Float32Array[]> => {
    const shape = [1, window.length];
    const logits = device.scope(() => {
      const tokens = device.tensor(Uint32Array.from(window), shape);
      const positions = device.tensor(Uint32Array.from(window.keys()), shape);
      return model.logits({ tokens, positions, random });
    });
    const values = await logits.read();
    logits.dispose();
    return window.map((_, i) => values.subarray(i * vocab, (i + 1) * vocab));
  };

  /** What `generate` promises, without a cache. */
  const recompute = async (
    prompt: readonly number[],
    { tokens = 0, ...sampling }: GenerateOptions,
  ): Promise<number[]> => {
    const text = [...prompt];
    let start = Math.max(0, text.length - context);
    while (text.length < prompt.length + tokens) {
      text.push(sample((await scores(text.slice(start))).at(-1)!, text.length, sampling));
      if (text.length - start > context) start = text.length - Math.ceil(context / 2);
    }
    return text.slice(prompt.length);
  };

  const prompt = (length: number): number[] => Array.from({ length }, (_, i) => (i * i * 7 + 3) % vocab);

  test('scores with a cache are those of the whole prefix, at every place of the context', async () => {
    await draw(1);
    const window = prompt(context);
    const expected = await scores(window);
    const decoder = (await createCachedDecoder({ device, model, context }))!;
    for (const position of window.keys()) {
      const got = await decoder.next(window.slice(0, position + 1), position);
      const furthest = expected[position]!.reduce((most, value, i) => Math.max(most, Math.abs(value - got[i]!)), 0);
      expect(furthest, `position ${position}`).toBeLessThan(1e-4);
    }
    decoder.dispose();
  });

  test.each([
    ['greedy', { temperature: 0 }],
    ['sampled', { temperature: 0.9, seed: 5 }],
    ['sampled among few', { temperature: 1.5, topK: 4, seed: 2 ** 40 }],
  ])('%s text is that of full recomputation, beyond the end of the context', async (_, sampling) => {
    await draw(2);
    const options = { ...sampling, tokens: Math.ceil(2.5 * context) };
    expect(await collect(generator.generate(prompt(3), options))).toEqual(await recompute(prompt(3), options));
  });

  test.each([1, context - 1, context, context + 1, 3 * context])('a prompt of %i tokens is taken', async (length) => {
    await draw(3);
    const options = { tokens: 3, seed: 1 };
    const [expected, got] = [recompute(prompt(length), options), generator.generate(prompt(length), options)];
    expect(await collect(got)).toEqual(await expected);
  });

  test('equal seeds give equal texts, others do not; topK 1 is temperature 0', async () => {
    await draw(4);
    const text = (options: GenerateOptions): Promise<number[]> =>
      collect(generator.generate(prompt(2), { tokens: 2 * context, ...options }));
    expect(await text({ seed: 7 })).toEqual(await text({ seed: 7 }));
    expect(await text({ seed: 8 })).not.toEqual(await text({ seed: 7 }));
    expect(await text({ topK: 1, seed: 7 })).toEqual(await text({ temperature: 0 }));
  });

  test('texts that are generated at once are as if each were alone', async () => {
    await draw(5);
    const texts = [1, 2, 3].map((seed) => () => generator.generate(prompt(seed), { tokens: 8, seed }));
    const alone: number[][] = [];
    for (const text of texts) alone.push(await collect(text()));
    expect(await Promise.all(texts.map((text) => collect(text())))).toEqual(alone);
  });

  test('a generator follows parameters that were changed', async () => {
    const texts: number[][] = [];
    for (const seed of [6, 7]) {
      await draw(seed);
      texts.push(await collect(generator.generate(prompt(2), { tokens: 5 })));
      expect(texts.at(-1)).toEqual(await recompute(prompt(2), { tokens: 5 }));
    }
    expect(texts[0]).not.toEqual(texts[1]);
  });
});

describe('refuses', async () => {
  const model = createModel(await pretrained('gpt2-tiny'));
  new Parameters(device, model).initialize(1);
  const generator: Generator = await createGenerator({ device, model });

  test.each<[string, number[], GenerateOptions, string]>([
    ['an empty prompt', [], {}, 'generate: expected a prompt of at least one token, got none'],
    ['an id beyond the vocabulary', [1, 61], {}, 'generate: expected token ids below 61, got 61'],
    ['a negative id', [-1], {}, 'generate: expected token ids below 61, got -1'],
    ['half an id', [0.5], {}, 'generate: expected token ids below 61, got 0.5'],
    ['no number of tokens', [1], { tokens: NaN }, 'generate: expected a whole number of tokens, got NaN'],
    ['a negative temperature', [1], { temperature: -1 }, 'generate: temperature: expected a number, 0 or more, got -1'],
    ['no temperature', [1], { temperature: NaN }, 'generate: temperature: expected a number, 0 or more, got NaN'],
    ['a choice among none', [1], { topK: 0 }, 'generate: topK: expected a whole number above 0, got 0'],
    ['half a seed', [1], { seed: 1.5 }, 'generate: seed: expected a whole number, 0 or more, got 1.5'],
  ])('%s', async (_, prompt, options, message) => {
    const refusal = collect(generator.generate(prompt, options));
    await expect(refusal).rejects.toThrow(ConfigError);
    await expect(refusal).rejects.toThrow(message);
  });

  test('nothing, where no token is asked for', async () => {
    expect(await collect(generator.generate([1], { tokens: 0 }))).toEqual([]);
  });
});

test('a generator gives back what it took', async () => {
  const model = createModel(await pretrained('llama-tiny'));
  new Parameters(device, model).initialize(1);
  const create = async (): Promise<Generator> => createGenerator({ device, model });
  (await create()).dispose();
  const { bytes, buffers } = device.stats;
  for (let i = 0; i < 3; i++) (await create()).dispose();
  expect(device.stats).toMatchObject({ bytes, buffers });
});

describe('sample', () => {
  const logits = Float32Array.of(0.5, -1, 2, 0.1, 2, -30, 1);
  const draws = 20_000;

  /** Pearson's χ² of drawn ids against the probabilities they should have. */
  const chiSquare = (ids: readonly number[], probabilities: readonly number[]): number =>
    probabilities.reduce((sum, probability, id) => {
      const [count, expected] = [ids.filter((each) => each === id).length, probability * ids.length];
      return sum + (expected === 0 ? count * Infinity || 0 : (count - expected) ** 2 / expected);
    }, 0);

  const softmax = (values: readonly number[]): number[] => {
    const weights = values.map(Math.exp);
    const total = weights.reduce((sum, weight) => sum + weight);
    return weights.map((weight) => weight / total);
  };

  /** Seven tokens leave six degrees of freedom: beyond 28 lies one in ten thousand. */
  const bound = 28;

  test.each([0.3, 1, 4])('follows the softmax at temperature %d over positions, and over seeds', (temperature) => {
    const expected = softmax([...logits].map((value) => value / temperature));
    const overPositions = Array.from({ length: draws }, (_, i) => sample(logits, i, { temperature, seed: 1 }));
    const overSeeds = Array.from({ length: draws }, (_, i) => sample(logits, 1, { temperature, seed: i }));
    expect(chiSquare(overPositions, expected)).toBeLessThan(bound);
    expect(chiSquare(overSeeds, expected)).toBeLessThan(bound);
  });

  test('draws neighbouring positions independently', () => {
    const two = new Float32Array(2);
    const ids = Array.from({ length: draws }, (_, i) => 2 * sample(two, i) + sample(two, i + 1));
    expect(chiSquare(ids, [0.25, 0.25, 0.25, 0.25])).toBeLessThan(bound);
  });

  test('with topK shares all probability among the k likeliest; of equals the smaller id comes first', () => {
    const kept = [...logits].map((value, id) => (id === 2 || id === 4 || id === 6 ? value : -Infinity));
    const ids = Array.from({ length: draws }, (_, i) => sample(logits, i, { topK: 3 }));
    expect(chiSquare(ids, softmax(kept))).toBeLessThan(bound);
    for (let i = 0; i < 50; i++) expect(sample(logits, i, { topK: 1 })).toBe(2);
  });

  test('at temperature 0, and near it, takes the likeliest', () => {
    const peaked = Float32Array.of(-3, 1, 1.5, 1.4999);
    for (let i = 0; i < 50; i++) {
      expect(sample(peaked, i, { temperature: 0 })).toBe(2);
      expect(sample(peaked, i, { temperature: 1e-30 })).toBe(2);
    }
  });

  test('takes no token that is ruled out, and more than the vocabulary has as all of it', () => {
    const ruled = Float32Array.of(-Infinity, 0, -Infinity, 0, -Infinity);
    const ids = Array.from({ length: 2000 }, (_, i) => sample(ruled, i, { topK: 99 }));
    expect(new Set(ids)).toEqual(new Set([1, 3]));
  });
});
