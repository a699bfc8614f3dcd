// A model as Hugging Face stores it: config.json beside model.safetensors, and a tokenizer where there is one.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createModel, describeConfig, type ModelDescription } from '../create-model.ts';
import { CheckpointError, ConfigError } from '../errors.ts';
import type { TensorMap } from '../parameters.ts';
import { loadSafetensors } from './safetensors.ts';

export interface Pretrained {
  readonly description: ModelDescription & { readonly vocab: number };
  readonly weights: TensorMap;
}

/**
 * Reads a model directory: GPT-2 or Llama, with the names that Hugging Face gives to parameters.
 * @throws {ConfigError} for an architecture that Lockstep lacks.
 * @throws {CheckpointError} for weights that are missing, damaged, or not the configured model's.
 */
export async function fromPretrained(directory: string): Promise<Pretrained> {
  const description = describeConfig(await readJson(join(directory, 'config.json'))) as Pretrained['description'];
  const stored = await loadSafetensors(join(directory, 'model.safetensors'));
  const weights: TensorMap = new Map();
  for (const { name, shape } of createModel(description).parameters) {
    const tensor = stored.get(name) ?? stored.get(name.replace(/^transformer\./, ''));
    if (!tensor) throw new CheckpointError(`${directory}: expected a tensor ${name}, got none of that name`);
    if (tensor.shape.join() !== shape.join())
      throw new CheckpointError(
        `${directory}: expected ${name} of [${shape.join(', ')}], got [${tensor.shape.join(', ')}]`,
      );
    weights.set(name, { shape, data: tensor.data });
  }
  return { description, weights };
}

async function readJson(path: string): Promise<unknown> {
  const text = await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new ConfigError(`${path}: expected a readable file, got ${cause.code}`);
  });
  try {
    return JSON.parse(text);
  } catch {
    throw new ConfigError(`${path}: expected JSON, got ${JSON.stringify(text.slice(0, 40))}`);
  }
}
