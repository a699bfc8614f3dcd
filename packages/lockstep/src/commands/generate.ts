// `lockstep generate`: text from a run, a checkpoint or a model folder, as it is computed.
import { ConfigError, decodeStream } from '@lockstep/nn';
import { rerunWithoutChatter } from '../launch/driver-chatter.ts';
import { loadRun } from '../load/load-trained.ts';
import { printable } from '../console/printable.ts';
import { promptFor } from '../launch/prompt-for.ts';

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
  const loaded = await loadRun(folder);
  const { tokenizer, device } = loaded;
  if (!tokenizer) throw new ConfigError(`generate: expected a model of text, got ${folder}, which has no tokenizer`);
  const prompt = given ?? (await promptFor(tokenizer));
  const pieces = decodeStream(tokenizer);
  const generated = loaded.generate(prompt, sampling);
  let isFirst = true;
  for await (const id of generated) {
    if (isFirst) write(prompt);
    isFirst = false;
    write(await pieces.push(id));
  }
  write(`${await pieces.end()}\n`);
  await device.close();
}

/** To a terminal only what it can show, to a file or a pipe what the model wrote. */
function write(text: string): void {
  process.stdout.write(process.stdout.isTTY ? printable(text) : text);
}
