// Tokenizers in folders of Hugging Face layout: tokenizer.json, and tokenizer_config.json beside it.
import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ConfigError } from '@lockstep/errors';
import { ownTokenizer } from '../tokenizers/own-tokenizer.ts';
import type { Tokenizer, TokenizerJSON } from '../tokenizers/tokenizer.ts';
import { nativeTokenizer, type NativeTokenizerOptions } from './native-tokenizer.ts';
import { replaceFile } from './replace-file.ts';
import type { TokenizerLimits } from './tokenizer-client.ts';
import { readJson } from './untrusted-file.ts';

const fileName = 'tokenizer.json';
const configName = 'tokenizer_config.json';
/** Ten times the largest that is in use. */
const maxBytes = 256 * 2 ** 20;

/** Reads the tokenizer of a folder, or of a tokenizer.json given by its path. Rejects with ConfigError if there is none or it is damaged. */
export async function loadTokenizer(path: string, { limits }: { limits?: TokenizerLimits } = {}): Promise<Tokenizer> {
  const isFolder = (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
  const file = isFolder ? join(path, fileName) : path;
  if (!(await isThere(file))) throw new ConfigError(`loadTokenizer: expected a tokenizer.json, got no file ${file}`);
  const json = await read(file);
  const beside = join(dirname(file), configName);
  const config = (await isThere(beside)) ? await read(beside) : undefined;
  return openTokenizer(json, { config, limits });
}

/** The tokenizer that wrote `json`, if it is one of ours, or the one that it describes to Hugging Face's library. Rejects with ConfigError. */
export async function openTokenizer(json: TokenizerJSON, options: NativeTokenizerOptions = {}): Promise<Tokenizer> {
  return ownTokenizer(json) ?? nativeTokenizer(json, options);
}

/** Writes `tokenizer` into a folder that exists, for `loadTokenizer` and for other tools. */
export async function saveTokenizer(folder: string, tokenizer: Tokenizer): Promise<void> {
  await writeJSON(join(folder, fileName), tokenizer.toJSON());
  await writeJSON(join(folder, configName), tokenizer.config);
}

async function read(path: string): Promise<TokenizerJSON> {
  return (await readJson(path, { limit: maxBytes, error: ConfigError })) as TokenizerJSON;
}

const isThere = async (path: string): Promise<boolean> => (await stat(path).catch(() => undefined)) !== undefined;

async function writeJSON(path: string, content: TokenizerJSON): Promise<void> {
  await replaceFile(path, (file) => file.writeFile(JSON.stringify(content)));
}
