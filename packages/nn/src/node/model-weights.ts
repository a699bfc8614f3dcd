// The weights of a model folder: one safetensors file, or several with an index that says which tensor lies in which. Files are opened one
// after the other, and of each only the tensors that are asked for are read.
//
// Layout: https://huggingface.co/docs/transformers/big_models (sharded checkpoints)
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { CheckpointError } from '@lockstep/errors';
import type { ParameterSpec } from '../models/model.ts';
import type { TensorMap } from '../parameters.ts';
import { quote } from '../quote.ts';
import type { TensorEntry } from '../safetensors-header.ts';
import { requireFinite } from '../stored-tensor.ts';
import { openSafetensors } from './safetensors.ts';
import { isPlainName, readJson } from './untrusted-file.ts';

const fileName = 'model.safetensors';
const indexName = 'model.safetensors.index.json';
/** Bytes; that of 180,000 tensors has 18 million. */
const indexLimit = 2 ** 25;

/** Which tensors lie in which files of a folder. */
export interface ModelWeights {
  readonly tensors: ReadonlyMap<string, PlacedTensor>;
  /** What holds them, for messages: the file, or the index of several. */
  readonly source: string;
}

interface PlacedTensor {
  /** Path of the file. */
  readonly file: string;
  readonly entry: TensorEntry;
}

/** Reads the headers of a folder's weights, and no weights yet. @throws {CheckpointError} for files that are missing, damaged, or not as the index says. */
export async function findWeights(directory: string): Promise<ModelWeights> {
  const names = await readdir(directory).catch((): string[] => []);
  if (names.includes(indexName) && !names.includes(fileName)) return findIndexed(directory);
  if (!names.includes(fileName)) refuseForeign(directory, names);
  const source = join(directory, fileName);
  return { source, tensors: await placeTensors(source) };
}

async function findIndexed(directory: string): Promise<ModelWeights> {
  const source = join(directory, indexName);
  const map = await readIndex(source);
  const tensors = new Map<string, PlacedTensor>();
  for (const file of new Set(Array.from(map.values(), (name) => join(directory, name)))) {
    for (const [name, placed] of await placeTensors(file)) {
      const before = tensors.get(name);
      if (before) fail(file, `each tensor in one file`, `${quote(name)}, which is in ${before.file}, too`);
      tensors.set(name, placed);
    }
  }
  requireIndexed(map, { directory, tensors });
  return { tensors, source };
}

/** Those of some parameters that are there, whatever their shapes. */
export function specsIn({ tensors }: ModelWeights, specs: readonly ParameterSpec[]): ParameterSpec[] {
  return specs.filter(({ name }) => placeOf(name, tensors) !== undefined);
}

/**
 * Reads the parameters of a model.
 * @throws {CheckpointError} for one that is missing, of another shape or another format, or that holds NaN or an infinity.
 */
export async function readWeights(
  { tensors, source }: ModelWeights,
  specs: readonly ParameterSpec[],
): Promise<TensorMap> {
  const readings = specs.map((spec) => ({ spec, ...place(spec, tensors, source) }));
  const weights: TensorMap = new Map(specs.map(({ name, shape }) => [name, { shape, data: new Float32Array() }]));
  for (const path of new Set(readings.map(({ file }) => file))) {
    const file = await openSafetensors(path);
    try {
      for (const { spec, entry } of readings.filter((reading) => reading.file === path)) {
        const tensor = await file.read(entry.name);
        requireFinite(entry.name, tensor, path);
        weights.set(spec.name, { shape: spec.shape, data: tensor.data });
      }
    } finally {
      await file.close();
    }
  }
  return weights;
}

/** Files written from the model without its head lack the first part of the names. */
function placeOf(name: string, tensors: ModelWeights['tensors']): PlacedTensor | undefined {
  return tensors.get(name) ?? tensors.get(name.replace(/^(transformer|model)\./, ''));
}

function place({ name, shape }: ParameterSpec, tensors: ModelWeights['tensors'], source: string): PlacedTensor {
  const placed = placeOf(name, tensors);
  if (!placed) fail(source, `a tensor ${name}`, 'none of that name');
  const [expected, got] = [shape, placed.entry.shape].map((each) => `[${each.join(', ')}]`);
  if (got !== expected) fail(placed.file, `${name} of ${expected}`, got!.slice(0, 80));
  return placed;
}

async function placeTensors(file: string): Promise<Map<string, PlacedTensor>> {
  const opened = await openSafetensors(file);
  await opened.close();
  return new Map(opened.entries.map((entry) => [entry.name, { file, entry }]));
}

const indexSchema = z.object({ weight_map: z.record(z.string(), z.string()) });

/** The file of each tensor, by name. */
async function readIndex(path: string): Promise<Map<string, string>> {
  const parsed = indexSchema.safeParse(await readJson(path, { limit: indexLimit, error: CheckpointError }));
  if (!parsed.success) fail(path, 'a weight_map of tensors to files', 'none');
  const map = new Map(Object.entries(parsed.data.weight_map));
  for (const [tensor, file] of map) {
    const isFile = isPlainName(file) && file.endsWith('.safetensors');
    if (!isFile) fail(path, `a safetensors file of the same folder for ${quote(tensor)}`, quote(file));
  }
  return map;
}

/** What the index names lies where it says. */
function requireIndexed(
  map: ReadonlyMap<string, string>,
  { directory, tensors }: { directory: string; tensors: ModelWeights['tensors'] },
): void {
  for (const [tensor, name] of map) {
    const file = join(directory, name);
    const found = tensors.get(tensor)?.file;
    if (found === file) continue;
    fail(file, `a tensor ${quote(tensor)}, as ${indexName} says`, found ? `it in ${found}` : 'none of that name');
  }
}

/** Other forms of weights, by the names of their files, the commoner first. */
const foreignNames = [
  /^pytorch_model.*\.bin$/,
  /^model-\d+-of-\d+\.safetensors$/,
  /\.safetensors$/,
  /\.(pth|pt|ckpt|gguf|h5|msgpack|npz|onnx)$/,
];

function refuseForeign(directory: string, names: readonly string[]): void {
  const found = foreignNames.flatMap((pattern) => names.find((name) => pattern.test(name)) ?? [])[0];
  if (found === undefined) return;
  const hint = found.endsWith('.safetensors')
    ? `several files need ${indexName} beside them, and a single one the name ${fileName}`
    : 'save_pretrained of Transformers writes safetensors from what it can load';
  throw new CheckpointError(
    `${directory}: expected ${fileName} or ${indexName}, got ${quote(found)}, which is not read\nhint: ${hint}`,
  );
}

function fail(source: string, rule: string, got: string): never {
  throw new CheckpointError(`${source}: expected ${rule}, got ${got}`);
}
