// From a description, which is plain data, to a model that computes. A new architecture is one more case here.
import { ConfigError } from './errors.ts';
import { createGpt, type GptDescription, gptFromConfig } from './models/gpt.ts';
import { createLlama, type LlamaDescription, llamaFromConfig } from './models/llama.ts';
import type { Model } from './models/model.ts';

export type ModelDescription = GptDescription | LlamaDescription;

/**
 * Builds the described model.
 * @param vocab size of the vocabulary where the description leaves it open.
 * @throws {ConfigError} when neither gives it, or when the described vocabulary is smaller than the data's.
 */
export function createModel(
  description: ModelDescription,
  { vocab = description.vocab }: { vocab?: number | undefined } = {},
): Model {
  const size = description.vocab ?? vocab;
  if (size === undefined) throw new ConfigError('createModel: expected the size of the vocabulary, got nothing');
  if (vocab !== undefined && size < vocab)
    throw new ConfigError(`model.vocab: expected at least the tokenizer's ${vocab} tokens, got ${size}`);
  switch (description.architecture) {
    case 'gpt':
      return createGpt({ ...description, vocab: size });
    case 'llama':
      return createLlama({ ...description, vocab: size });
  }
}

/** Describes the model of a Hugging Face config.json. @throws {ConfigError} for an architecture or a setting that Lockstep lacks. */
export function describeConfig(config: unknown): ModelDescription {
  const type = (config as { readonly model_type?: unknown } | null)?.model_type;
  if (type === 'gpt2') return gptFromConfig(config);
  if (type === 'llama') return llamaFromConfig(config);
  throw new ConfigError(`config.json: expected model_type gpt2 or llama, got ${JSON.stringify(type)}`);
}
