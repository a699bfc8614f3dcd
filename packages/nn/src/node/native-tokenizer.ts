// Any Hugging Face tokenizer.json, by the library that defines what it means.
import { fingerprintOf } from '../tokenizers/fingerprint.ts';
import { strictJSON, unknownToken } from '../tokenizers/strict-json.ts';
import type { Tokenizer, TokenizerJSON } from '../tokenizers/tokenizer.ts';
import { tokenizerParts } from '../tokenizers/tokenizer-json.ts';
import { unknownIn } from '../tokenizers/unknown-text.ts';
import { TokenizerClient, type TokenizerLimits } from './tokenizer-client.ts';
import type { Answer, Question } from './tokenizer-messages.ts';

/** What goes with a tokenizer.json. */
export interface NativeTokenizerOptions {
  /** The content of its tokenizer_config.json. */
  readonly config?: TokenizerJSON | undefined;
  /** What the library said of it before; then it is not asked until there is text. */
  readonly vocabSize?: number | undefined;
  readonly limits?: TokenizerLimits | undefined;
}

/**
 * The tokenizer that a `tokenizer.json` describes, token for token as the reference library, which runs in a process of its own.
 * No special tokens are added to a text; those that stand in it are recognised. Truncation and padding are left out.
 * Rejects with ConfigError if it is no tokenizer.json, takes too long or too much memory, or draws its tokens by chance.
 */
export async function nativeTokenizer(
  json: TokenizerJSON,
  { config = {}, vocabSize, limits }: NativeTokenizerOptions = {},
): Promise<Tokenizer> {
  const question = opening(json);
  const client = new TokenizerClient(question, limits);
  return {
    kind: 'huggingface',
    vocabSize: vocabSize ?? valueOf(await client.ask(question), 'vocabSize'),
    fingerprint: fingerprintOf('huggingface', [json, config]),
    config,
    encode: async (text, { unknown = 'stop' } = {}) => {
      const answer = await client.ask({ kind: 'encode', text, drop: unknown === 'drop' });
      if ('unknown' in answer) throw unknownIn(text, answer.unknown);
      return valueOf(answer, 'ids');
    },
    decode: async (ids) => valueOf(await client.ask({ kind: 'decode', ids: Uint32Array.from(ids) }), 'text'),
    toJSON: () => json,
  };
}

function opening(json: TokenizerJSON): Question {
  const parts = tokenizerParts(json);
  const strict = strictJSON(json, parts);
  return {
    kind: 'open',
    plain: JSON.stringify(json),
    strict: strict && JSON.stringify(strict),
    unknown: unknownToken,
    added: parts.addedTokens.map(({ content }) => content),
  };
}

type Values = { vocabSize: number; ids: Uint32Array; text: string };

function valueOf<Name extends keyof Values>(answer: Answer, name: Name): Values[Name] {
  return (answer as unknown as Values)[name];
}
