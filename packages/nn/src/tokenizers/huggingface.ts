// A Hugging Face tokenizer.json by the library that they publish for JavaScript, where there is no Node. It is a port of the
// reference that does not do all of it alike; what it does otherwise is refused.
import { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers';
import { ConfigError } from '@lockstep/errors';
import { quote } from '../quote.ts';
import { fingerprintOf } from './fingerprint.ts';
import { gpt2Pattern } from './known-patterns.ts';
import { requirePortable } from './port-limits.ts';
import { strictJSON, unknownToken } from './strict-json.ts';
import type { Tokenizer, TokenizerJSON, Unknown } from './tokenizer.ts';
import { type Component, type TokenizerParts, tokenizerParts } from './tokenizer-json.ts';
import { unknownIn } from './unknown-text.ts';

/** What is used of the library; its own types name their files without extension, which `nodenext` does not find. */
interface Library {
  encode(text: string, options: { add_special_tokens: boolean }): { ids: (number | undefined)[] };
  decode(ids: number[], options: { clean_up_tokenization_spaces: boolean }): string;
  id_to_token(id: number): string | undefined;
  token_to_id(token: string): number | undefined;
  get_vocab(): Map<string, number>;
}

/**
 * The tokenizer that a `tokenizer.json` describes, with its `tokenizer_config.json` if there is one.
 * No special tokens are added to a text; those that stand in it are recognised. Throws ConfigError if it is no tokenizer.json, or one
 * that JavaScript does not read as the reference does.
 */
export function huggingface(json: TokenizerJSON, config: TokenizerJSON = {}): Tokenizer {
  const parts = tokenizerParts(json);
  requirePortable(parts);
  const plain = build(json, config, parts);
  const strict = strictJSON(json, parts);
  const both = { plain, strict: strict && build(strict, config, parts) };
  return {
    kind: 'huggingface',
    vocabSize: highest(plain.get_vocab().values()) + 1,
    fingerprint: fingerprintOf('huggingface', [json, config]),
    config,
    encode: async (text, { unknown = 'stop' } = {}) => encode(both, text, unknown),
    decode: async (ids) => decode(plain, ids),
    toJSON: () => json,
  };
}

function build(json: TokenizerJSON, config: TokenizerJSON, { preTokenizers }: TokenizerParts): Library {
  const pre_tokenizer = { type: 'Sequence', pretokenizers: preTokenizers.flatMap(inReferenceWords) };
  const content = preTokenizers.length > 0 ? { ...json, pre_tokenizer } : json;
  try {
    return new HuggingFaceTokenizer(content, config) as Library;
  } catch (error) {
    throw new ConfigError(
      `huggingface: expected the content of a tokenizer.json, got ${quote((error as Error).message)}`,
    );
  }
}

/** The port's own byte-level splitting takes `\s` as JavaScript means it, with U+FEFF and without U+0085; that of `Split` does not. */
function inReferenceWords(part: Component): Component[] {
  if (part.type !== 'ByteLevel' || part['use_regex'] === false) return [part];
  const split = { type: 'Split', pattern: { Regex: gpt2Pattern }, behavior: 'Isolated', invert: false };
  return [split, { ...part, use_regex: false }];
}

function highest(ids: Iterable<number>): number {
  let result = -1;
  for (const id of ids) result = Math.max(result, id);
  return result;
}

function encode(
  { plain, strict }: { plain: Library; strict: Library | undefined },
  text: string,
  unknown: Unknown,
): Uint32Array {
  if (!strict) return idsOf(plain, text);
  const ids = idsOf(strict, text);
  const missing = strict.token_to_id(unknownToken)!;
  if (!ids.includes(missing)) return ids;
  if (unknown === 'drop') return idsOf(plain, text);
  throw unknownIn(
    text,
    firstUnknown(text, (part) => idsOf(strict, part).includes(missing)),
  );
}

function idsOf(library: Library, text: string): Uint32Array {
  try {
    return Uint32Array.from(library.encode(text, { add_special_tokens: false }).ids as number[]);
  } catch (error) {
    // It recurses over a word, and a text without spaces is one.
    throw new ConfigError(
      `huggingface: expected words that JavaScript can split, got ${quote((error as Error).message)}`,
    );
  }
}

/** The code points between which the first unknown character of `text` stands: the shortest beginning that has one ends with it. */
function firstUnknown(text: string, hasUnknown: (part: string) => boolean): [number, number] {
  const points = Array.from(text);
  let [without, withOne] = [0, points.length];
  while (withOne - without > 1) {
    const middle = (without + withOne) >> 1;
    if (hasUnknown(points.slice(0, middle).join(''))) withOne = middle;
    else without = middle;
  }
  return [withOne - 1, withOne];
}

/** Runs of known ids are decoded together; the library fails at others. */
function decode(tokenizer: Library, ids: ArrayLike<number>): string {
  const runs: number[][] = [[]];
  for (const id of Array.from(ids)) {
    if (tokenizer.id_to_token(id) !== undefined) runs.at(-1)!.push(id);
    else runs.push([]);
  }
  const textOf = (run: number[]): string =>
    run.length > 0 ? tokenizer.decode(run, { clean_up_tokenization_spaces: false }) : '';
  return runs.map(textOf).join('\uFFFD');
}
