// One token per character (Unicode code point), over a fixed alphabet. There is no token for the unknown: a character outside
// the alphabet is an error that names it, because a corpus that is trained on and prompted with silent gaps misleads.
import { ConfigError } from '@lockstep/errors';
import { bpeConfig, bpeJSON } from './bpe-json.ts';
import { fingerprintOf } from './fingerprint.ts';
import type { Tokenizer, TokenizerJSON, Unknown } from './tokenizer.ts';
import { describePlace, placeOf, UnknownTextError } from './unknown-text.ts';

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
    config: bpeConfig,
    encode: async (content, { unknown = 'stop' } = {}) => encode(content, { idOf, size: alphabet.length, unknown }),
    decode: async (ids) => Array.from(ids, (id) => String.fromCodePoint(alphabet[id] ?? 0xfffd)).join(''),
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

interface Alphabet {
  readonly idOf: Int32Array;
  readonly size: number;
  readonly unknown: Unknown;
}

function encode(text: string, { idOf, size, unknown }: Alphabet): Uint32Array {
  const ids = new Uint32Array(text.length);
  let count = 0;
  for (let i = 0; i < text.length; i++) {
    const index = i;
    const point = text.codePointAt(i)!;
    if (point > 0xffff) i++;
    const id = idOf[point] ?? -1;
    if (id >= 0) ids[count++] = id;
    else if (unknown === 'stop') throw unknownCharacter(text, { index, size });
  }
  return ids.slice(0, count);
}

function unknownCharacter(text: string, { index, size }: { index: number; size: number }): UnknownTextError {
  return new UnknownTextError({
    rule: `characters: expected the ${size} characters of the vocabulary`,
    hint: 'the vocabulary is what the training text holds; the bytes tokenizer takes any text',
    text: String.fromCodePoint(text.codePointAt(index)!),
    index,
    place: describePlace(placeOf(text, index)),
  });
}

function toJSON(alphabet: readonly number[]): TokenizerJSON {
  const vocab = Object.fromEntries(alphabet.map((point, id) => [String.fromCodePoint(point), id]));
  return bpeJSON({ vocab, preTokenizer: null, decoder: { type: 'Fuse' } });
}
