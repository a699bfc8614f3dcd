// A model as Hugging Face stores it: config.json beside model.safetensors. Its tokenizer is the business of `tokenizer.ts`.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createModel, describeConfig, type ModelDescription } from '../create-model.ts';
import { CheckpointError, ConfigError } from '../errors.ts';
import type { ParameterSpec, TensorMap } from '../parameters.ts';
import { openSafetensors, type SafetensorsFile } from './safetensors.ts';

export interface Pretrained {
  readonly description: ModelDescription & { readonly vocab: number };
  readonly weights: TensorMap;
}

/**
 * Reads a model directory: GPT-2 or Llama, with the names that Hugging Face gives to parameters. Tensors that are no
 * parameter of the model, such as masks and copies of a tied head, are left alone.
 * @throws {ConfigError} for an architecture or a setting that Lockstep lacks.
 * @throws {CheckpointError} for weights that are missing, damaged, or not the configured model's.
 */
export async function fromPretrained(directory: string): Promise<Pretrained> {
  const description = describeConfig(await readJson(join(directory, 'config.json')));
  const { parameters } = createModel(description);
  const file = await openSafetensors(join(directory, 'model.safetensors'));
  try {
    const weights: TensorMap = new Map();
    for (const spec of parameters) weights.set(spec.name, await readParameter(file, spec, directory));
    return { description, weights };
  } finally {
    await file.close();
  }
}

async function readParameter(
  file: SafetensorsFile,
  { name, shape }: ParameterSpec,
  directory: string,
): Promise<{ shape: ParameterSpec['shape']; data: Float32Array<ArrayBuffer> }> {
  const entry = findEntry(file, name);
  if (!entry) throw new CheckpointError(`${directory}: expected a tensor ${name}, got none of that name`);
  const [expected, got] = [shape, entry.shape].map((each) => `[${each.join(', ')}]`);
  if (got !== expected) throw new CheckpointError(`${directory}: expected ${name} of ${expected}, got ${got}`);
  return { shape, data: (await file.read(entry.name)).data };
}

/** Files written from the model without its head lack the first part of the names. */
function findEntry({ entries }: SafetensorsFile, name: string): SafetensorsFile['entries'][number] | undefined {
  const bare = name.replace(/^(transformer|model)\./, '');
  return entries.find((entry) => entry.name === name) ?? entries.find((entry) => entry.name === bare);
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
