// A model on disk in Hugging Face's layout: config.json, model.safetensors and the tokenizer. Reading one is nn's.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DivergedError, type TensorMap, type Tokenizer } from '@lockstep/nn';
import { saveSafetensors, saveTokenizer } from '@lockstep/nn/node';
import { firstUnsound } from '../soundness.ts';
import { replaceFolder } from './replace-folder.ts';

/** What a model folder holds beside weights. */
export interface ModelCard {
  /** What stands in config.json. */
  readonly config: Readonly<Record<string, unknown>>;
  /** What turns text into the model's tokens, where it has any. */
  readonly tokenizer?: Tokenizer | undefined;
}

/**
 * Writes a model to `path`, complete or not at all; what was there before is replaced.
 * @throws {DivergedError} for weights that are not finite: nothing is replaced.
 */
export async function saveModel(path: string, card: ModelCard, weights: TensorMap): Promise<void> {
  const found = firstUnsound(weights);
  if (found !== undefined) throw new DivergedError(`${path}: expected finite weights, got ${found}`);
  await replaceFolder(path, (beside) => writeModel(beside, card, weights));
}

/** Writes the files of a model into a folder that exists. */
export async function writeModel(folder: string, { config, tokenizer }: ModelCard, weights: TensorMap): Promise<void> {
  await writeFile(join(folder, 'config.json'), `${JSON.stringify(config, null, 2)}\n`, { flush: true });
  if (tokenizer) await saveTokenizer(folder, tokenizer);
  await saveSafetensors(join(folder, 'model.safetensors'), weights, { format: 'pt' });
}
