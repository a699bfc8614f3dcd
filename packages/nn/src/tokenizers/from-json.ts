// A tokenizer from the content of a tokenizer.json, whoever wrote it.
import { ConfigError } from '../errors.ts';
import { bytes } from './bytes.ts';
import { characters } from './characters.ts';
import { huggingface } from './huggingface.ts';
import type { Tokenizer, TokenizerJSON } from './tokenizer.ts';

/** Gives back the tokenizer that wrote `json`; one from elsewhere becomes a `huggingface` tokenizer. Throws ConfigError if it is none. */
export function tokenizerFromJSON(json: unknown, config: TokenizerJSON = {}): Tokenizer {
  const model = (json as { model?: { vocab?: unknown; merges?: unknown } } | null)?.model;
  if (!model)
    throw new ConfigError('tokenizerFromJSON: expected the content of a tokenizer.json, got no "model" in it');
  return perSymbol(json, model) ?? huggingface(json, config);
}

/** The tokenizers of our own have no merges; they are recognised by writing the same JSON. */
function perSymbol(json: unknown, { vocab, merges }: { vocab?: unknown; merges?: unknown }): Tokenizer | undefined {
  if (!Array.isArray(merges) || merges.length > 0 || !vocab) return undefined;
  const text = JSON.stringify(json);
  const candidates = [bytes(), characters(Object.keys(vocab).join(''))];
  return candidates.find((candidate) => JSON.stringify(candidate.toJSON()) === text);
}
