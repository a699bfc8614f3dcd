// A model as Hugging Face stores it: config.json beside its weights. Its tokenizer is the business of `tokenizer.ts`.
import { join } from 'node:path';
import { createModel, modelFromConfig, type ModelValue } from '../models/index.ts';
import { ConfigError } from '@lockstep/errors';
import type { TensorMap } from '../parameters.ts';
import { findWeights, readWeights } from './model-weights.ts';
import { readJson } from './untrusted-file.ts';

/** A model as its folder describes it, and its weights by the names of parameters. */
export interface Pretrained {
  readonly model: ModelValue;
  readonly weights: TensorMap;
}

/**
 * Reads a model directory: GPT-2 or Llama, with the names that Hugging Face gives to parameters, in `model.safetensors` or in several
 * files with `model.safetensors.index.json`. Tensors that are no parameter of the model, such as masks and copies of a tied head,
 * are left alone. Nothing in the directory is ever executed: code that a config.json names is not looked at.
 * @throws {ConfigError} for an architecture or a setting that Lockstep lacks.
 * @throws {CheckpointError} for weights that are missing, damaged, not the configured model's, or not finite.
 */
export async function fromPretrained(directory: string): Promise<Pretrained> {
  const model = modelFromConfig(await readJson(join(directory, 'config.json'), { error: ConfigError }));
  const weights = await findWeights(directory);
  return { model, weights: await readWeights(weights, createModel(model).parameters) };
}
