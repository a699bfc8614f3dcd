// Texts in memory: from a string, or, in a page, from what a URL gives. Node keeps ids in files: `node/data/prepare-text.ts`.
import { type BpeDescription, tokenizerFromJSON, type Tokenizer, type Unknown } from '@lockstep/nn';
import { ConfigError } from '@lockstep/errors';
import { sha256Hex } from '../sha256-hex.ts';
import { pinnedSha256, requirePinned } from './pinned-sha256.ts';
import { type PreparedText, TextDataset } from './text-dataset.ts';
import type { TextSettings } from './text.ts';
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
export async function textFromString(
  content: string,
  { tokenizer = 'characters', validation = 0.1, unknown, name = 'the string' }: StringOptions = {},
): Promise<TextDataset> {
  const bytes = new TextEncoder().encode(content);
  const prepared = await inMemory({ name, chunks: () => [bytes] }, { tokenizer, validation, unknown });
  return new TextDataset({ ...prepared, validation });
}

/** Fetches and tokenises a text by its URL, which may be relative to the page. Throws ConfigError. */
export async function fetchText({ source, tokenizer, validation, unknown }: TextSettings): Promise<PreparedText> {
  const bytes = new Uint8Array(await (await request(source)).arrayBuffer());
  if (pinnedSha256(source) !== undefined) requirePinned(source, await sha256Hex(bytes));
  return inMemory({ name: source, chunks: () => [bytes] }, { tokenizer, validation, unknown });
}

/** The dataset of the text that a run describes, which is fetched by its URL. Throws ConfigError. */
export async function prepareText(settings: TextSettings): Promise<TextDataset> {
  return new TextDataset({ ...(await fetchText(settings)), validation: settings.validation });
}

interface Wanted {
  readonly tokenizer: string | BpeDescription | Tokenizer;
  readonly validation: number;
  readonly unknown?: Unknown | undefined;
}

async function inMemory(
  corpus: Corpus,
  { tokenizer: wanted, validation, unknown = 'stop' }: Wanted,
): Promise<PreparedText> {
  const tokenizer = await tokenizerFor(wanted, { corpus, validation, load: fetchTokenizer, open: tokenizerFromJSON });
  const parts: Uint32Array[] = [];
  for await (const ids of tokenize(corpus, tokenizer, { unknown })) parts.push(ids);
  const ids = concatenate(parts);
  const known = new TextEncoder().encode(tokenizer.fingerprint);
  const sha256 = await sha256Hex(joined(known, new Uint8Array(ids.buffer)));
  return { name: corpus.name, sha256, store: memoryStore(ids), tokenizer };
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

function joined(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(first.length + second.length);
  whole.set(first);
  whole.set(second, first.length);
  return whole;
}

function concatenate(parts: readonly Uint32Array[]): Uint32Array<ArrayBuffer> {
  const whole = new Uint32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
