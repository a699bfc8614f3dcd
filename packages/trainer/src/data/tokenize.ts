// A text of any length into token ids, chunk by chunk: the tokenizer it asks for, then its ids. The same for a file, a download and a
// string, so that a text gives the same ids wherever it comes from.
import { bytes, characters, type Tokenizer } from '@lockstep/nn';
import { ConfigError } from '../errors.ts';
import { type Chunks, decodeText } from './decode-text.ts';
import { pieces } from './pieces.ts';

/** A text that can be read from its start as often as needed. */
export interface Corpus {
  /** What the text is called in messages. */
  readonly name: string;
  /** Its bytes, in UTF-8. */
  readonly chunks: () => Chunks<Uint8Array>;
}

/** The tokenizer that a description names; `load` fetches a tokenizer.json. Characters are gathered from the whole text. */
export async function tokenizerFor(
  tokenizer: string | Tokenizer,
  { corpus, load }: { corpus: Corpus; load: (path: string) => Promise<Tokenizer> },
): Promise<Tokenizer> {
  if (typeof tokenizer !== 'string') return tokenizer;
  if (tokenizer === 'bytes') return bytes();
  return tokenizer === 'characters' ? characters(await alphabetOf(corpus)) : load(tokenizer);
}

/** The ids of a text. Throws ConfigError where it is no text, unless the tokenizer is that of bytes. */
export async function* tokenize({ name, chunks }: Corpus, tokenizer: Tokenizer): AsyncGenerator<Uint32Array> {
  if (tokenizer.kind === 'bytes') {
    for await (const chunk of chunks()) yield Uint32Array.from(chunk);
  } else {
    for await (const piece of pieces(decodeText(chunks(), name))) yield tokenizer.encode(piece);
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
