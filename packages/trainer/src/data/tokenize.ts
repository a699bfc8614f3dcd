// A text of any length into token ids, piece by piece: the tokenizer it asks for, then its ids. The same for a file, a download and a
// string, so that a text gives the same ids wherever it comes from.
import {
  type BpeDescription,
  bytes,
  characters,
  cutsOf,
  describePlace,
  type Tokenizer,
  type TokenizerJSON,
  trainBpe,
  type Unknown,
  UnknownTextError,
  WordCounts,
} from '@lockstep/nn';
import { ConfigError } from '@lockstep/errors';
import { type Chunks, decodeText } from './decode-text.ts';
import { hasPlaces, pieces } from './pieces.ts';

/** A text that can be read from its start as often as needed. */
export interface Corpus {
  /** What the text is called in messages. */
  readonly name: string;
  /** Its bytes, in UTF-8. */
  readonly chunks: () => Chunks<Uint8Array>;
}

/** How a tokenizer that is no object yet comes about. */
export interface TokenizerSource {
  readonly corpus: Corpus;
  /** The share at the end of the text that nothing is learned from. */
  readonly validation: number;
  /** Fetches a tokenizer.json. */
  readonly load: (path: string) => Promise<Tokenizer>;
  /** Makes a tokenizer of what has been learned. */
  readonly open: (json: TokenizerJSON, config: TokenizerJSON) => Tokenizer | Promise<Tokenizer>;
}

/** The tokenizer that a description names. Characters are gathered from the whole text, merges are learned from its training part. */
export async function tokenizerFor(
  tokenizer: string | BpeDescription | Tokenizer,
  { corpus, validation, load, open }: TokenizerSource,
): Promise<Tokenizer> {
  if (tokenizer === 'bytes') return bytes();
  if (tokenizer === 'characters') return characters(await alphabetOf(corpus));
  if (typeof tokenizer === 'string') return load(tokenizer);
  if (tokenizer.kind !== 'bpe') return tokenizer;
  const { json, config } = trainBpe(await wordsOf(corpus, validation), tokenizer);
  return open(json, config);
}

export interface TokenizeOptions {
  readonly unknown?: Unknown;
  /** Told what somebody should know who waits. */
  readonly note?: ((line: string) => void) | undefined;
}

/**
 * The ids of a text, those that the tokenizer gives for all of it at once. Throws ConfigError where it is no text, unless the tokenizer is
 * that of bytes, and at the first character that the tokenizer cannot represent, with its place, unless it is to be dropped.
 */
export async function* tokenize(
  { name, chunks }: Corpus,
  tokenizer: Tokenizer,
  { unknown = 'stop', note }: TokenizeOptions = {},
): AsyncGenerator<Uint32Array> {
  if (tokenizer.kind === 'bytes') {
    for await (const chunk of chunks()) yield Uint32Array.from(chunk);
    return;
  }
  const cuts = cutsOf(tokenizer);
  const place = new Place();
  for await (const { text, gap } of pieces(decodeText(chunks(), name), { cuts })) {
    if (!hasPlaces(cuts) && text.length > largeLength) note?.(wholeNote(name, text.length));
    yield await tokenizer.encode(text, { unknown }).catch((error: unknown) => {
      if (!(error instanceof UnknownTextError)) throw error;
      place.pass(text.slice(0, error.index));
      throw error.at(`${describePlace(place)} of ${name}`);
    });
    place.pass(text + gap);
  }
}

/** Where it begins to matter that a text is tokenised at once. */
const largeLength = 2 ** 24;
/** What the reference takes for each character. */
const bytesPerCharacter = 400;

function wholeNote(name: string, length: number): string {
  const gigabytes = ((length * bytesPerCharacter) / 1e9).toFixed(1);
  return `note: this tokenizer may join what lies anywhere in ${name}, so it is tokenised at once, which takes about ${gigabytes} GB of memory`;
}

/** Counts lines and columns from 1. */
class Place {
  line = 1;
  column = 1;

  pass(text: string): void {
    for (const character of text) {
      this.column++;
      if (character !== '\n') continue;
      this.line++;
      this.column = 1;
    }
  }
}

/** Every character of a text, once. */
async function alphabetOf({ name, chunks }: Corpus): Promise<string> {
  const seen = new Uint8Array(0x110000);
  for await (const part of decodeText(chunks(), name)) {
    for (let i = 0; i < part.length; i++) {
      const point = part.codePointAt(i)!;
      if (point > 0xffff) i++;
      seen[point] = 1;
    }
  }
  let alphabet = '';
  for (let point = 0; point < seen.length; point++) if (seen[point]) alphabet += String.fromCodePoint(point);
  if (!alphabet) throw new ConfigError(`text: expected a text, got nothing in ${name}`);
  return alphabet;
}

/** The words of the training part: of the share of the bytes that is not kept for validation. */
async function wordsOf({ name, chunks }: Corpus, validation: number): Promise<ReadonlyMap<string, number>> {
  let size = 0;
  for await (const chunk of chunks()) size += chunk.length;
  const words = new WordCounts();
  const training = firstBytes(chunks(), Math.ceil(size * (1 - validation)));
  for await (const part of decodeText(training, name)) words.add(part);
  words.end();
  return words.counts;
}

/** `count` bytes, and the rest of a character that they cut in two. */
async function* firstBytes(chunks: Chunks<Uint8Array>, count: number): AsyncGenerator<Uint8Array> {
  let left = count;
  for await (const chunk of chunks) {
    let end = Math.min(left, chunk.length);
    while (end >= left && end < chunk.length && (chunk[end]! & 0xc0) === 0x80) end++;
    yield chunk.subarray(0, end);
    if (end < chunk.length) return;
    left = Math.max(0, left - end);
  }
}
