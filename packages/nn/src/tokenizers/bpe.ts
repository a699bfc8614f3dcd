// A byte-pair encoding that is still to be learned, as a run describes it.
import { ConfigError } from '@lockstep/errors';

/** A byte-level tokenizer of `vocab` tokens that is learned from the text itself. */
export interface BpeDescription {
  readonly kind: 'bpe';
  /** The 256 bytes, and as many merges as make this many tokens. */
  readonly vocab: number;
}

/** The sizes that a learned vocabulary may have. */
export const bpeVocabRange: { readonly from: number; readonly to: number } = { from: 257, to: 2 ** 20 };

/** Describes a tokenizer that is learned from the text it is for. Throws ConfigError for a size out of range. */
export function bpe({ vocab }: { vocab: number }): BpeDescription {
  const { from, to } = bpeVocabRange;
  if (!(Number.isInteger(vocab) && vocab >= from && vocab <= to)) {
    throw new ConfigError(`bpe: expected vocab to be a whole number from ${from} to ${to}, got ${String(vocab)}`);
  }
  return { kind: 'bpe', vocab };
}
