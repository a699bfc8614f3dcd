// `lockstep generate`: text from a run, a checkpoint or a model folder, as it is computed.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError, createGenerator, createModel, decodeStream, Parameters } from '@lockstep/nn';
import { fromPretrained, loadTokenizer } from '@lockstep/nn/node';
import { openDevice } from '@lockstep/tensor/node';
import { listCheckpoints, runPaths, verifyCheckpoint } from '@lockstep/trainer/node';
import { rerunWithoutChatter } from '../driver-chatter.ts';
import { printable } from '../printable.ts';
import { promptFor } from '../prompt-for.ts';

export interface GenerateCommandOptions {
  readonly prompt?: string;
  readonly tokens: number;
  readonly temperature: number;
  readonly topK?: number;
  readonly seed: number;
}

export async function generateCommand(
  folder: string,
  { prompt: given, ...sampling }: GenerateCommandOptions,
): Promise<void> {
  if (await rerunWithoutChatter()) return;
  const path = await modelFolder(folder);
  const [{ description, weights }, tokenizer] = await Promise.all([fromPretrained(path), loadTokenizer(path)]);
  const prompt = given ?? (await promptFor(tokenizer));
  const ids = [...(await tokenizer.encode(prompt))];
  const device = await openDevice();
  const model = createModel(description);
  const parameters = new Parameters(device, model);
  parameters.load(weights);
  const generator = await createGenerator({ device, model, parameters });
  const pieces = decodeStream(tokenizer);
  write(prompt);
  for await (const id of generator.generate(ids, sampling)) write(await pieces.push(id));
  write(`${await pieces.end()}\n`);
  await device.close();
}

/** To a terminal only what it can show, to a file or a pipe what the model wrote. */
function write(text: string): void {
  process.stdout.write(process.stdout.isTTY ? printable(text) : text);
}

/** The model in a run's folder, else its latest checkpoint; or the folder itself where it is a model. */
async function modelFolder(folder: string): Promise<string> {
  const { model, checkpoints } = runPaths(folder);
  const found = [folder, model].find((path) => existsSync(join(path, 'config.json')));
  if (found !== undefined) return found;
  const latest = (await listCheckpoints(checkpoints)).at(-1);
  if (!latest) {
    throw new ConfigError(
      `generate: expected a run or a model folder, got ${folder}\nhint: it holds neither model/, checkpoints/ nor config.json`,
    );
  }
  await verifyCheckpoint(latest.path);
  return latest.path;
}
