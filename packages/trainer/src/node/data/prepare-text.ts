// The text of a run as a dataset, in Node: found, tokenised once into a file of the cache, and read from there.
import { createHash } from 'node:crypto';
import { basename, join, resolve } from 'node:path';
import type { BpeDescription, Tokenizer, TokenizerJSON } from '@lockstep/nn';
import { loadTokenizer, openTokenizer } from '@lockstep/nn/node';
import { TextDataset, type PreparedText } from '../../data/text-dataset.ts';
import type { TextSettings } from '../../data/text.ts';
import { tokenize, type TokenizeOptions, tokenizerFor } from '../../data/tokenize.ts';
import { ConfigError } from '@lockstep/errors';
import { cacheFolder } from './cache-folder.ts';
import { locateText, type LocatedCorpus } from './locate-text.ts';
import { openTokenFile, writeTokenFile, type TokenFile } from './token-file.ts';

export interface PrepareOptions {
  /** The folder that paths and packages are looked up from, the run file's; the working directory unless given. */
  readonly from?: string;
  /** Told what somebody should know who waits. */
  readonly note?: (line: string) => void;
}

/**
 * Prepares the text that a run describes. The first time it is read as a stream and tokenised into a file of the cache; after that
 * the file is opened. Memory does not grow with the text, and several processes may prepare the same text at once.
 * Throws ConfigError if there is no such text, if it is empty or no text, if its tokenizer cannot be had, or cannot represent it.
 */
export async function prepareText(settings: TextSettings, options: PrepareOptions = {}): Promise<TextDataset> {
  const prepared = await keepText(settings, options);
  try {
    return new TextDataset({ ...prepared, validation: settings.validation });
  } catch (error) {
    prepared.store.close();
    throw error;
  }
}

/** As {@link prepareText}: the tokens alone. */
export async function keepText(
  { source, tokenizer, validation, unknown = 'stop' }: TextSettings,
  { from = process.cwd(), note }: PrepareOptions = {},
): Promise<PreparedText> {
  const cache = await cacheFolder(from);
  const corpus = await locateText(source, { from, cache });
  const kept = await prepareTokens(corpus, {
    tokenizer: await resolveTokenizer(tokenizer, from),
    validation,
    unknown,
    cache,
    note,
  });
  return { name: corpus.name, ...kept };
}

type Wanted = string | BpeDescription | Tokenizer;

/** A tokenizer.json is read at once: the ids in the cache depend on its content, not on its name. */
async function resolveTokenizer(tokenizer: string | BpeDescription, from: string): Promise<Wanted> {
  const isPath = typeof tokenizer === 'string' && tokenizer !== 'characters' && tokenizer !== 'bytes';
  return isPath ? loadTokenizer(resolve(from, tokenizer)) : tokenizer;
}

interface Preparation extends TokenizeOptions {
  readonly tokenizer: Wanted;
  readonly validation: number;
  readonly cache: string;
}

async function prepareTokens(
  corpus: LocatedCorpus,
  { tokenizer: wanted, ...options }: Preparation,
): Promise<TokenFile & { readonly path: string }> {
  const { validation, cache, unknown } = options;
  const source = hash(`${corpus.identity} ${nameOf(wanted, validation)}${unknown === 'drop' ? ' drop' : ''}`);
  const path = join(cache, `${basename(corpus.name).replaceAll(/[^\w.-]/g, '_')}-${source.slice(0, 16)}.tokens`);
  const cached = await openTokenFile(path, { source });
  if (cached) return { ...cached, path };
  const open = (json: TokenizerJSON, config: TokenizerJSON): Promise<Tokenizer> => openTokenizer(json, { config });
  const tokenizer = await tokenizerFor(wanted, { corpus, validation, load: loadTokenizer, open });
  await writeTokenFile(path, { ids: tokenize(corpus, tokenizer, options), tokenizer, source });
  const written = await openTokenFile(path, { source });
  if (!written) throw new ConfigError(`text: expected to keep tokens in ${path}, got a file that cannot be read back`);
  return { ...written, path };
}

/** What the ids depend on: where they are learned, that is the text before the validation part. */
function nameOf(wanted: Wanted, validation: number): string {
  if (typeof wanted === 'string') return wanted;
  return wanted.kind === 'bpe' ? `bpe ${wanted.vocab} ${validation}` : wanted.fingerprint;
}

function hash(content: string): string {
  return createHash('sha256').update(content).digest('hex');
}
