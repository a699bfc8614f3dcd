// Finds out what a tokenizer cannot represent. The reference drops a character without a token in silence, or fails without naming
// it. So the model is given an unknown token where it has none: wherever that comes out, something is missing, and where it
// does not, the tokens are those of the model as it was.
import { byteAlphabet } from './byte-alphabet.ts';
import type { TokenizerJSON } from './tokenizer.ts';
import type { TokenizerParts } from './tokenizer-json.ts';

/** Nobody's text and nobody's vocabulary holds it. */
export const unknownToken = '\u0000unknown';

/** `json` with an unknown token, `unknownToken`; nothing where its model can represent every text already. */
export function strictJSON(json: TokenizerJSON, parts: TokenizerParts): TokenizerJSON | undefined {
  if (representsAll(parts)) return undefined;
  return { ...json, model: { ...parts.model, ...withUnknown(parts) } };
}

function representsAll({ model, modelType, vocab, normalizers, preTokenizers }: TokenizerParts): boolean {
  if (modelType === 'Unigram') return typeof model['unk_id'] === 'number' || hasAllBytes(model, vocab);
  const unknown = model['unk_token'];
  if (typeof unknown === 'string' && vocab.has(unknown)) return true;
  if (modelType !== 'BPE') return false;
  const inBytes = (preTokenizers.at(-1) ?? normalizers.at(-1))?.type === 'ByteLevel';
  const plain = !model['continuing_subword_prefix'] && !model['end_of_word_suffix'];
  return (inBytes && plain && byteAlphabet.every((name) => vocab.has(name))) || hasAllBytes(model, vocab);
}

function hasAllBytes(model: TokenizerJSON, vocab: ReadonlyMap<string, number>): boolean {
  if (model['byte_fallback'] !== true) return false;
  return byteAlphabet.every((_, byte) => vocab.has(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`));
}

function withUnknown({ model, modelType, vocab, addedTokens }: TokenizerParts): TokenizerJSON {
  if (modelType === 'Unigram') {
    const list = model['vocab'] as readonly (readonly [string, number])[];
    // The least score of all decides what an unknown character costs, so the new one is not below it.
    return { vocab: [...list, [unknownToken, list[0]?.[1] ?? 0]], unk_id: list.length };
  }
  const id = highest([...vocab.values(), ...addedTokens.map((token) => token.id ?? 0)]);
  // Beyond the ids of added tokens, also where they move up by one because of it.
  return {
    vocab: Object.fromEntries([...vocab, [unknownToken, id + addedTokens.length + 2]]),
    unk_token: unknownToken,
  };
}

function highest(ids: readonly number[]): number {
  return ids.reduce((most, id) => Math.max(most, id), 0);
}
