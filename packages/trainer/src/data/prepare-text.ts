// Datasets in memory, for the browser: from a string, or from what a URL gives. Node keeps ids in files: `node/data/prepare-text.ts`.
import { type BpeDescription, tokenizerFromJSON, type Tokenizer, type Unknown } from '@lockstep/nn';
import { ConfigError } from '../errors.ts';
import { sha256Hex } from '../sha256-hex.ts';
import { Dataset } from './dataset.ts';
import { pinnedSha256, requirePinned } from './pinned-sha256.ts';
import type { TextDescription } from './text.ts';
import { memoryStore } from './token-store.ts';
import { type Corpus, tokenize, tokenizerFor } from './tokenize.ts';

/** How a string becomes a dataset; see TextDescription. */
export interface StringOptions {
  readonly tokenizer?: string | BpeDescription | Tokenizer;
  readonly validation?: number;
  readonly unknown?: Unknown | undefined;
  readonly name?: string;
}

/** A dataset from a string. Throws ConfigError if it is empty or its tokenizer cannot be had. */
export function textFromString(
  content: string,
  { tokenizer = 'characters', validation = 0.1, unknown, name = 'the string' }: StringOptions = {},
): Promise<Dataset> {
  const bytes = new TextEncoder().encode(content);
  return inMemory({ name, chunks: () => [bytes] }, { tokenizer, validation, unknown });
}

/** Fetches and tokenises the text that a run describes; its source is a URL, which may be relative to the page. Throws ConfigError. */
export async function prepareText({ source, tokenizer, validation, unknown }: TextDescription): Promise<Dataset> {
  const bytes = new Uint8Array(await (await request(source)).arrayBuffer());
  if (pinnedSha256(source) !== undefined) requirePinned(source, await sha256Hex(bytes));
  return inMemory({ name: source, chunks: () => [bytes] }, { tokenizer, validation, unknown });
}

interface Wanted {
  readonly tokenizer: string | BpeDescription | Tokenizer;
  readonly validation: number;
  readonly unknown?: Unknown | undefined;
}

async function inMemory(corpus: Corpus, { tokenizer: wanted, validation, unknown = 'stop' }: Wanted): Promise<Dataset> {
  const tokenizer = await tokenizerFor(wanted, { corpus, validation, load: fetchTokenizer, open: tokenizerFromJSON });
  const parts: Uint32Array[] = [];
  for await (const ids of tokenize(corpus, tokenizer, { unknown })) parts.push(ids);
  return new Dataset({ name: corpus.name, store: memoryStore(concatenate(parts)), tokenizer, validation });
}

async function fetchTokenizer(url: string): Promise<Tokenizer> {
  return tokenizerFromJSON(await (await request(url)).json());
}

async function request(url: string): Promise<Response> {
  const response = await fetch(url).catch((error: Error) => {
    throw new ConfigError(`text: expected to fetch ${url}, got ${error.message}`);
  });
  if (!response.ok) throw new ConfigError(`text: expected to fetch ${url}, got HTTP status ${response.status}`);
  return response;
}

function concatenate(parts: readonly Uint32Array[]): Uint32Array {
  const whole = new Uint32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
