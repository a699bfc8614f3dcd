// Any Hugging Face tokenizer.json, by the library they publish for JavaScript.
import { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers';
import { ConfigError } from '../errors.ts';
import { fingerprintOf } from './fingerprint.ts';
import type { Tokenizer, TokenizerJSON } from './tokenizer.ts';

/** What is used of the library; its own types name their files without extension, which `nodenext` does not find. */
interface Library {
  encode(text: string, options: { add_special_tokens: boolean }): { ids: (number | undefined)[]; tokens: string[] };
  decode(ids: number[], options: { clean_up_tokenization_spaces: boolean }): string;
  id_to_token(id: number): string | undefined;
  get_vocab(): Map<string, number>;
}

/**
 * The tokenizer that a `tokenizer.json` describes, with its `tokenizer_config.json` if there is one.
 * No special tokens are added to a text; those that stand in it are recognised. Throws ConfigError if it is no tokenizer.json.
 */
export function huggingface(json: unknown, config: TokenizerJSON = {}): Tokenizer {
  const tokenizer = build(json, config);
  return {
    kind: 'huggingface',
    vocabSize: highest(tokenizer.get_vocab().values()) + 1,
    fingerprint: fingerprintOf('huggingface', [json, config]),
    config,
    encode: (text) => encode(tokenizer, text),
    decode: (ids) => decode(tokenizer, ids),
    toJSON: () => json as TokenizerJSON,
  };
}

function build(json: unknown, config: TokenizerJSON): Library {
  try {
    return new HuggingFaceTokenizer(json as object, config) as Library;
  } catch (error) {
    throw new ConfigError(`huggingface: expected the content of a tokenizer.json, got ${(error as Error).message}`);
  }
}

function highest(ids: Iterable<number>): number {
  let result = -1;
  for (const id of ids) result = Math.max(result, id);
  return result;
}

function encode(tokenizer: Library, text: string): Uint32Array {
  const { ids, tokens } = tokenizer.encode(text, { add_special_tokens: false });
  const unknown = ids.indexOf(undefined);
  if (unknown < 0) return Uint32Array.from(ids as number[]);
  throw new ConfigError(`huggingface: expected text within the vocabulary, got ${JSON.stringify(tokens[unknown])}`);
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
