// The text of a run as a dataset, in Node: found, tokenised once into a file of the cache, and read from there.
import { createHash } from 'node:crypto';
import { basename, join, resolve } from 'node:path';
import type { Tokenizer } from '@lockstep/nn';
import { loadTokenizer } from '@lockstep/nn/node';
import { Dataset } from '../../data/dataset.ts';
import type { TextDescription } from '../../data/text.ts';
import { tokenize, tokenizerFor } from '../../data/tokenize.ts';
import { ConfigError } from '../../errors.ts';
import { cacheFolder } from './cache-folder.ts';
import { locateText, type LocatedCorpus } from './locate-text.ts';
import { openTokenFile, writeTokenFile, type TokenFile } from './token-file.ts';

/**
 * Prepares the text that a run describes. The first time it is read as a stream and tokenised into a file of the cache; after that
 * the file is opened. Memory does not grow with the text, and several processes may prepare the same text at once.
 * `from`: the folder that paths and packages are looked up from, the run file's.
 * Throws ConfigError if there is no such text, if it is empty or no text, or if its tokenizer cannot be had.
 */
export async function prepareText(
  { source, tokenizer, validation }: TextDescription,
  { from = process.cwd() }: { from?: string } = {},
): Promise<Dataset> {
  const cache = await cacheFolder(from);
  const corpus = await locateText(source, { from, cache });
  const { store, tokenizer: used } = await prepareTokens(corpus, {
    tokenizer: await resolveTokenizer(tokenizer, from),
    cache,
  });
  try {
    return new Dataset({ name: corpus.name, store, tokenizer: used, validation });
  } catch (error) {
    store.close();
    throw error;
  }
}

/** A tokenizer.json is read at once: the ids in the cache depend on its content, not on its name. */
async function resolveTokenizer(tokenizer: string, from: string): Promise<string | Tokenizer> {
  return tokenizer === 'characters' || tokenizer === 'bytes' ? tokenizer : loadTokenizer(resolve(from, tokenizer));
}

async function prepareTokens(
  corpus: LocatedCorpus,
  { tokenizer: wanted, cache }: { tokenizer: string | Tokenizer; cache: string },
): Promise<TokenFile> {
  const source = hash(`${corpus.identity} ${typeof wanted === 'string' ? wanted : wanted.fingerprint}`);
  const path = join(cache, `${basename(corpus.name).replaceAll(/[^\w.-]/g, '_')}-${source.slice(0, 16)}.tokens`);
  const cached = await openTokenFile(path, { source });
  if (cached) return cached;
  const tokenizer = await tokenizerFor(wanted, { corpus, load: loadTokenizer });
  await writeTokenFile(path, { ids: tokenize(corpus, tokenizer), tokenizer, source });
  const written = await openTokenFile(path, { source });
  if (!written) throw new ConfigError(`text: expected to keep tokens in ${path}, got a file that cannot be read back`);
  return written;
}

function hash(content: string): string {
  return createHash('sha256').update(content).digest('hex');
}
