// Layers against PyTorch's, and models that are made of them: one token after the other they say what they say of all at once.
import { readFileSync } from 'node:fs';
import { createModel, defineModel, gpt, layers, llama, Parameters, type Tensor, z } from 'lockstep';
import { Random, withGradients } from '@lockstep/tensor';
import { describe, expect, test } from 'vitest';
import { createCachedDecoder } from '../packages/nn/src/generation/cached-decoder.ts';
import { difference } from './difference.ts';
import { device } from './gpu.ts';

interface Numbers {
  readonly shape: number[];
  readonly data: number[];
}

interface Case {
  readonly parameters: Readonly<Record<string, Numbers>>;
  readonly inputs: Readonly<Record<'x' | 'weights', Numbers> & { readonly memory?: Numbers }>;
  readonly output: readonly number[];
  readonly gradients: Readonly<Record<string, Numbers>>;
}

const { width, heads, hidden, lengths, cases } = JSON.parse(
  readFileSync(new URL('fixtures/blocks/blocks.json', import.meta.url), 'utf8'),
) as { width: number; heads: number; hidden: number; lengths: number[]; cases: Record<'encoder' | 'decoder', Case> };

const relu = { heads, hidden, feedForward: 'relu' } as const;
const blocks = {
  encoder: () => layers.transformerBlock(width, relu),
  decoder: () => layers.transformerBlock(width, { ...relu, causal: true, cross: {} }),
};

const tensorOf = ({ data, shape }: Numbers): Tensor => device.tensor(Float32Array.from(data), shape);

test.each(['encoder', 'decoder'] as const)(
  'the block of PyTorch’s %s gives the same here, with the same gradients',
  async (kind) => {
    const { parameters: numbers, inputs, output, gradients: expected } = cases[kind];
    const block = blocks[kind]();
    const model = createModel(defineModel({ name: 'block', create: () => ({ parameters: block }) })());
    const parameters = new Parameters(device, model);
    parameters.load(
      new Map(
        Object.entries(numbers).map(([name, { shape, data }]) => [name, { shape, data: Float32Array.from(data) }]),
      ),
    );
    const [x, weights] = [tensorOf(inputs.x), tensorOf(inputs.weights)];
    const memory = inputs.memory && tensorOf(inputs.memory);
    const memoryLengths = device.tensor(Uint32Array.from(lengths), [lengths.length]);
    const { loss: y, gradients } = withGradients(device, () => block(x, memory ? { memory, memoryLengths } : {}), {
      wanted: memory ? [memory] : [],
      seed: () => weights,
    });
    expect(difference(await y.read(), output)).toBeLessThan(1e-5);
    const got = parameters.unpack(await parameters.gradients.read());
    for (const name of Object.keys(numbers))
      expect(difference(got.get(name)!.data, expected[name]!.data), name).toBeLessThan(2e-5);
    if (memory) expect(difference(await gradients[0]!.read(), expected['memory']!.data)).toBeLessThan(2e-5);
  },
);

const context = 9;
const rotary = { context };
const small = { heads: 4, causal: true } as const;

describe.each<[string, layers.TransformerBlockOptions]>([
  ['as in Llama', { ...small, kvHeads: 2, rotary, bias: false, norm: 'rms', feedForward: 'swiglu' }],
  ['with normalised queries and keys', { ...small, kvHeads: 2, rotary, qkNorm: true, feedForward: 'squaredRelu' }],
  ['that sees few tokens, with capped scores', { ...small, window: 3, cap: 2, scale: 0.7, feedForward: 'geglu' }],
  ['with heads of 200', { ...small, heads: 1, headSize: 200, qkNorm: true, feedForward: 'silu' }],
])('a model of blocks %s', (_, options) => {
  const [vocab, width] = [11, 24];
  const own = defineModel({
    name: 'own',
    settings: z.object({ context: z.int() }),
    create() {
      const [embed, place] = [layers.embedding(vocab, width, { std: 1 }), layers.embedding(context, width, { std: 1 })];
      const blocks = layers.repeat(2, () => layers.transformerBlock(width, options));
      const head = layers.linear(width, vocab);
      return {
        parameters: { embed, place, blocks, head },
        logits: ({ tokens, positions }) =>
          head(blocks.reduce((x, block) => block(x, { positions }), embed(tokens).add(place(positions)))),
      };
    },
  });
  const model = createModel(own({ context }));
  const parameters = new Parameters(device, model);
  parameters.initialize(3);
  const random = new Random({ counters: device.tensor(new Uint32Array(4)) });

  test('says of a token after others what it says of all at once', async () => {
    const window = Array.from({ length: context }, (_, i) => (5 * i * i + 2) % vocab);
    const decoder = await createCachedDecoder({ device, model, context });
    expect(decoder, 'a decoder with a cache').toBeDefined();
    const all = device.scope(() =>
      model.logits({
        tokens: device.tensor(Uint32Array.from(window), [1, context]),
        positions: device.tensor(Uint32Array.from(window.keys()), [1, context]),
        random,
      }),
    );
    const expected = await all.read();
    const got: number[] = [];
    for (const place of window.keys()) got.push(...(await decoder!.next(window.slice(0, place + 1), place)));
    expect(difference(got, expected)).toBeLessThan(1e-5);
    decoder!.dispose();
  });
});

test('a block with a memory that is not given says so', () => {
  const block = layers.transformerBlock(width, { heads, cross: { memoryWidth: 5 } });
  expect(() => block(device.empty([1, 2, width]))).toThrow(
    'transformerBlock: expected a memory for cross, got none\nhint: block(x, { memory })',
  );
});

test.each([
  ['gpt', gpt({ layers: 1, heads: 1, width: 4, context: 4, vocab: 5 }), 'tokens, positions'],
  ['gpt', gpt({ layers: 1, heads: 1, width: 4, context: 4, vocab: 5, dropout: 0.1 }), 'tokens, positions, random'],
  ['llama', llama({ layers: 1, heads: 1, width: 4, context: 4, vocab: 5 }), 'tokens, positions'],
] as const)('%s says which inputs a loss has not handed on', (who, value, names) => {
  const missing = names.split(', ').slice(1).join(', ');
  expect(() => createModel(value).logits({ tokens: device.empty([1, 4], 'u32') })).toThrow(
    `${who}: expected inputs ${names}, got none of the name ${missing}\nhint: a loss may hand on all that it is given: model.logits(inputs)`,
  );
});
