// A trained model from its folder: a run, a checkpoint of one, or a model folder. Architectures that come with Lockstep are known by
// config.json; others by the run's module, which is looked for only among those that this user has trained with before: a folder may come
// from somebody else, and nothing is executed because it says so.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  ConfigError,
  createModel,
  defined,
  definitionOf,
  type Facts,
  isDefined,
  modelFromConfig,
  type ModelValue,
  type Tokenizer,
} from '@lockstep/nn';
import { findWeights, loadTokenizer, readJson, readWeights } from '@lockstep/nn/node';
import type { Device } from '@lockstep/tensor';
import { openDevice } from '@lockstep/tensor/node';
import { type Run, TrainedModel } from '@lockstep/trainer';
import { findModelFolder, readRunRecord, runPaths } from '@lockstep/trainer/node';
import * as z from 'zod';
import { recordedRun } from './recorded-run.ts';

/** Whose code a trained model has, and where it is put. */
export interface LoadRunOptions {
  /** The run, where a script imports it; else its module is looked for among those that this user has trained with. */
  readonly run?: Run;
  /** In the place of `run`, a value of the model that is loaded, whatever its settings: of what a loop of one's own has trained. */
  readonly model?: ModelValue;
  /** The best adapter's unless given. */
  readonly device?: Device;
}

/** A trained model on its device, with its tokenizer where it has one. */
export type LoadedModel = TrainedModel;

/**
 * Loads a trained model onto a device, to generate with it or to look into what it computes.
 * @param folder a run's, a checkpoint's, or a model's in Hugging Face's layout
 * @throws {ConfigError} for a folder that holds none, or a model whose code is not known here.
 * @throws {CheckpointError} for weights that are missing, damaged, or another model's.
 */
export async function loadRun(folder: string, { run, model: own, device }: LoadRunOptions = {}): Promise<LoadedModel> {
  const path = await findModelFolder(folder, { who: 'generate' });
  const { model, facts } = await describedModel(path, own ?? run?.model);
  const weights = await readWeights(await findWeights(path), createModel(model, facts).parameters);
  const tokenizer = await tokenizerOf(path);
  return new TrainedModel({ device: device ?? (await openDevice()), model, facts, weights, tokenizer });
}

async function tokenizerOf(path: string): Promise<Tokenizer | undefined> {
  return existsSync(join(path, 'tokenizer.json')) ? loadTokenizer(path) : undefined;
}

const ownConfig = z.object({
  model_type: z.string(),
  settings: z.record(z.string(), z.json()),
  facts: z.record(z.string(), z.json()),
});

interface Described {
  readonly model: ModelValue;
  readonly facts: Facts;
}

/** What config.json says of a model. */
async function describedModel(path: string, given: ModelValue | undefined): Promise<Described> {
  const config = await readJson(join(path, 'config.json'), { error: ConfigError });
  const own = ownConfig.safeParse(config);
  if (!own.success) return { model: modelFromConfig(config), facts: {} };
  const { model_type: kind, settings, facts } = own.data;
  const model = given ?? (await trainedRun(path, kind)).model;
  if (!isDefined(model, 'model') || model.kind !== kind)
    throw new ConfigError(`loadRun: expected a model ${kind}, or a run with one, got ${model.kind}`);
  return { model: defined(definitionOf(model), settings, { who: join(path, 'config.json') }), facts };
}

/** The run whose module a folder's record names, where this user has trained with it. @throws {ConfigError} */
async function trainedRun(path: string, kind: string): Promise<Run> {
  const record = [path, dirname(path), dirname(dirname(path))]
    .map((folder) => runPaths(folder).record)
    .find(existsSync);
  const found = record === undefined ? undefined : await recordedRun(await readRunRecord(record));
  if (found) return found.run;
  throw new ConfigError(
    `loadRun: expected the code of ${kind}, got ${path}, whose module is not among those that you have trained with here\nhint: import the run and pass it on: loadRun(folder, { run }); of what a loop of one's own has trained, { model }`,
  );
}
