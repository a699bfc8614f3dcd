// From a description, which is plain data, to a model that computes. A new architecture is one more case here.
import * as z from 'zod';
import { ConfigError } from './errors.ts';
import { createGpt, type GptDescription, gptFromConfig } from './models/gpt.ts';
import { createLlama, type LlamaDescription, llamaFromConfig } from './models/llama.ts';
import type { Model } from './models/model.ts';
import { parseConfig } from './parse-config.ts';

export type ModelDescription = GptDescription | LlamaDescription;

/**
 * Builds the described model.
 * @param vocab size of the vocabulary where the description leaves it open.
 * @throws {ConfigError} when neither gives it, when the described vocabulary is smaller than the data's, or when heads
 * do not divide the width.
 */
export function createModel(
  description: ModelDescription,
  { vocab = description.vocab }: { vocab?: number | undefined } = {},
): Model {
  const size = description.vocab ?? vocab;
  if (size === undefined) throw new ConfigError('createModel: expected the size of the vocabulary, got nothing');
  if (vocab !== undefined && size < vocab)
    throw new ConfigError(`model.vocab: expected at least the tokenizer's ${vocab} tokens, got ${size}`);
  requireSizes({ ...description, vocab: size });
  switch (description.architecture) {
    case 'gpt':
      return createGpt({ ...description, vocab: size });
    case 'llama':
      return createLlama({ ...description, vocab: size });
  }
}

/**
 * The largest of each size, well above all models that there are: a description may come from a stranger, and must not make memory run
 * out before its weights have been looked at.
 */
const largest: Readonly<Record<string, number>> = {
  layers: 4096,
  heads: 2 ** 16,
  kvHeads: 2 ** 16,
  width: 2 ** 17,
  hidden: 2 ** 20,
  context: 2 ** 20,
  vocab: 2 ** 24,
};

function requireSizes(description: ModelDescription): void {
  for (const [name, size] of Object.entries(description)) {
    const limit = largest[name];
    if (limit === undefined || size === undefined || (Number.isInteger(size) && size > 0 && size <= limit)) continue;
    throw new ConfigError(`model.${name}: expected a whole number from 1 to ${limit}, got ${size}`);
  }
}

const typeSchema = z.object(
  { model_type: z.literal(['gpt2', 'llama'], 'expected gpt2 or llama') },
  'expected an object',
);

/** Describes the model of a Hugging Face config.json. @throws {ConfigError} for an architecture or a setting that Lockstep lacks. */
export function describeConfig(config: unknown): ModelDescription & { readonly vocab: number } {
  switch (parseConfig(typeSchema, config).model_type) {
    case 'gpt2':
      return gptFromConfig(config);
    case 'llama':
      return llamaFromConfig(config);
  }
}
