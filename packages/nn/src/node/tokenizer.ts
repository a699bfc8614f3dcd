// Tokenizers in folders of Hugging Face layout: tokenizer.json, and tokenizer_config.json beside it.
import { readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ConfigError } from '../errors.ts';
import { tokenizerFromJSON } from '../tokenizers/from-json.ts';
import type { Tokenizer, TokenizerJSON } from '../tokenizers/tokenizer.ts';
import { replaceFile } from './replace-file.ts';

const fileName = 'tokenizer.json';
const configName = 'tokenizer_config.json';

/** Reads the tokenizer of a folder, or of a tokenizer.json given by its path. Throws ConfigError if there is none or it is damaged. */
export async function loadTokenizer(path: string): Promise<Tokenizer> {
  const isFolder = (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
  const file = isFolder ? join(path, fileName) : path;
  const json = await readJSON(file);
  if (json === undefined) throw new ConfigError(`loadTokenizer: expected a tokenizer.json, got no file ${file}`);
  return tokenizerFromJSON(json, (await readJSON(join(dirname(file), configName))) ?? {});
}

/** Writes `tokenizer` into a folder that exists, for `loadTokenizer` and for other tools. */
export async function saveTokenizer(folder: string, tokenizer: Tokenizer): Promise<void> {
  await writeJSON(join(folder, fileName), tokenizer.toJSON());
  await writeJSON(join(folder, configName), tokenizer.config);
}

async function readJSON(path: string): Promise<TokenizerJSON | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as TokenizerJSON;
  } catch {
    throw new ConfigError(`loadTokenizer: expected JSON, got something else in ${path}`);
  }
}

async function writeJSON(path: string, content: TokenizerJSON): Promise<void> {
  await replaceFile(path, (file) => file.writeFile(JSON.stringify(content)));
}
