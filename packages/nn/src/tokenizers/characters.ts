// One token per character (Unicode code point), over a fixed alphabet. There is no token for the unknown: a character outside
// the alphabet is an error that names it, because a corpus that is trained on and prompted with silent gaps misleads.
import { ConfigError } from '../errors.ts';
import { fingerprintOf } from './fingerprint.ts';
import { perSymbolConfig, perSymbolJSON } from './per-symbol-json.ts';
import type { Tokenizer, TokenizerJSON } from './tokenizer.ts';

/**
 * The tokenizer of all characters that occur in `text` (a corpus, or an alphabet; order and repetition do not matter):
 * ids count the code points in ascending order. Throws ConfigError for an empty text.
 */
export function characters(text: string): Tokenizer {
  const alphabet = sortedCodePoints(text);
  if (alphabet.length === 0) throw new ConfigError('characters: expected at least one character, got an empty text');
  const idOf = new Int32Array(alphabet.at(-1)! + 1).fill(-1);
  alphabet.forEach((point, id) => (idOf[point] = id));
  return {
    kind: 'characters',
    vocabSize: alphabet.length,
    fingerprint: fingerprintOf('characters', alphabet),
    config: perSymbolConfig,
    encode: (content) => encode(content, { idOf, size: alphabet.length }),
    decode: (ids) => Array.from(ids, (id) => String.fromCodePoint(alphabet[id] ?? 0xfffd)).join(''),
    toJSON: () => toJSON(alphabet),
  };
}

function sortedCodePoints(text: string): number[] {
  const points = new Set<number>();
  for (let i = 0; i < text.length; i++) {
    const point = text.codePointAt(i)!;
    if (point > 0xffff) i++;
    points.add(point);
  }
  return [...points].sort((a, b) => a - b);
}

function encode(text: string, { idOf, size }: { idOf: Int32Array; size: number }): Uint32Array {
  const ids = new Uint32Array(text.length);
  let count = 0;
  for (let i = 0; i < text.length; i++) {
    const point = text.codePointAt(i)!;
    if (point > 0xffff) i++;
    const id = idOf[point] ?? -1;
    if (id < 0) throw unknownCharacter(point, size);
    ids[count++] = id;
  }
  return ids.slice(0, count);
}

function unknownCharacter(point: number, size: number): ConfigError {
  const name = `${JSON.stringify(String.fromCodePoint(point))} (U+${point.toString(16).toUpperCase().padStart(4, '0')})`;
  return new ConfigError(
    `characters: expected the ${size} characters of the vocabulary, got ${name}\n` +
      'hint: the vocabulary is what the training text holds; the bytes tokenizer takes any text',
  );
}

function toJSON(alphabet: readonly number[]): TokenizerJSON {
  const vocab = Object.fromEntries(alphabet.map((point, id) => [String.fromCodePoint(point), id]));
  return perSymbolJSON({ vocab, preTokenizer: null, decoder: { type: 'Fuse' } });
}
