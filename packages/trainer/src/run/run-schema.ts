// What a run may be: the range of each setting and its default. Rules between settings are in `cross-checks.ts`.
import { bpeVocabRange } from '@lockstep/nn';
import * as z from 'zod';
import { powerOfTwo, real, settings, whole, words } from './settings.ts';

const sizes = {
  layers: whole({ to: 1024 }),
  heads: whole({ to: 1024 }),
  width: whole({ to: 65_536 }),
  context: whole({ from: 2, to: 2 ** 20 }),
  vocab: whole({ to: 2 ** 24 }).optional(),
  checkpoint: z.boolean().describe('true or false').optional(),
};

const model = z
  .discriminatedUnion('architecture', [
    settings({ architecture: z.literal('gpt'), ...sizes, dropout: real({ from: 0, below: 1 }).optional() }),
    settings({
      architecture: z.literal('llama'),
      ...sizes,
      kvHeads: whole({ to: 1024 }).optional(),
      hidden: whole({ to: 2 ** 20 }).optional(),
      ropeTheta: real({ above: 0, to: 1e9 }).optional(),
      normEpsilon: real({ above: 0, to: 1 }).optional(),
      tiedHead: z.boolean().describe('true or false').optional(),
    }),
  ])
  .describe('gpt({ … }) or llama({ … })');

const { from, to } = bpeVocabRange;
const tokenizer = z
  .union([
    words('characters, bytes or the path of a tokenizer.json', /./),
    settings({ kind: z.literal('bpe'), vocab: whole({ from, to }) }),
  ])
  .describe(`characters, bytes, the path of a tokenizer.json, or bpe({ vocab: ${from} to ${to} })`);

const data = settings({
  kind: z.literal('text').describe('text(…)'),
  source: words('a path, a URL or the name of a package', /./),
  tokenizer,
  validation: real({ from: 0, below: 1 }),
  unknown: z.enum(['stop', 'drop']).describe('stop or drop').optional(),
}).describe('text(source, { … })');

const decay = { weightDecay: real({ from: 0, to: 10 }), clipNorm: real({ from: 0, to: 1e6 }) };
const shard = z.boolean().describe('true or false').optional();

const optimizer = z
  .discriminatedUnion('kind', [
    settings({
      kind: z.literal('adamW'),
      beta1: real({ from: 0, below: 1 }),
      beta2: real({ from: 0, below: 1 }),
      epsilon: real({ above: 0, to: 1 }),
      ...decay,
      shard,
    }),
    settings({ kind: z.literal('sgd'), momentum: real({ from: 0, below: 1 }), ...decay, shard }),
  ])
  .describe('adamW({ … }) or sgd({ … })');

const warmUp = { peak: real({ above: 0, to: 100 }), warmupSteps: whole({ from: 0 }) };
const floor = real({ from: 0, to: 1 });

const schedule = z
  .discriminatedUnion('kind', [
    settings({ kind: z.literal('constant'), ...warmUp }),
    settings({ kind: z.literal('cosine'), ...warmUp, floor }),
    settings({ kind: z.literal('wsd'), ...warmUp, decaySteps: whole({ from: 0 }), floor }),
  ])
  .describe('constant({ … }), cosine({ … }) or wsd({ … })');

const every = whole({ from: 0 });

export const runSchema: z.ZodType = settings({
  name: words(
    'a name of letters, digits, ".", "_" and "-" that begins with a letter or digit',
    /^[a-zA-Z0-9][\w.-]{0,99}$/,
  ),
  model,
  data,
  optimizer,
  schedule,
  batch: whole({ to: 2 ** 20 }),
  shards: powerOfTwo({ to: 2 ** 16 }).default(8),
  steps: whole(),
  wire: z.enum(['f32', 'bf16', 'int8']).describe('f32, bf16 or int8').default('f32'),
  validation: settings({ every: every.default(100), batches: whole({ to: 10_000 }).default(4) }).prefault({}),
  sample: settings({
    every: every.default(250),
    prompt: words('some text', /./s).default('\n'),
    tokens: whole({ to: 2 ** 20 }).default(200),
    temperature: real({ from: 0, to: 100 }).default(0.8),
    topK: whole().default(40),
  }).prefault({}),
  checkpoint: settings({ every: every.default(500), keep: whole({ to: 10_000 }).default(3) }).prefault({}),
  seed: whole({ from: 0, to: 2 ** 32 - 1 }).default(1),
});
