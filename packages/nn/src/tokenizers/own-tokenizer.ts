// The tokenizers of our own, from what they wrote: they are exact and need no library.
import { bytes } from './bytes.ts';
import { characters } from './characters.ts';
import type { Tokenizer } from './tokenizer.ts';

/** The tokenizer of ours that wrote `json`; they have no merges, and are recognised by writing the same. */
export function ownTokenizer(json: unknown): Tokenizer | undefined {
  const model = (json as { model?: { vocab?: unknown; merges?: unknown } } | null)?.model;
  const { vocab, merges } = model ?? {};
  if (!Array.isArray(merges) || merges.length > 0 || typeof vocab !== 'object' || vocab === null) return undefined;
  const alphabet = Object.keys(vocab).join('');
  const text = JSON.stringify(json);
  const candidates = [bytes(), ...(alphabet ? [characters(alphabet)] : [])];
  return candidates.find((candidate) => JSON.stringify(candidate.toJSON()) === text);
}
