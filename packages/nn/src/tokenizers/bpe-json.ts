// The `tokenizer.json` of a byte-pair encoding: of every symbol as a token, where it has no merges.
import type { TokenizerJSON } from './tokenizer.ts';

/** The part of a tokenizer.json that turns text into symbols, and back. */
interface Symbols {
  readonly vocab: Readonly<Record<string, number>>;
  /** Pairs of tokens that become one, each as `left right`, the first ones first. */
  readonly merges?: readonly string[];
  readonly preTokenizer: TokenizerJSON | null;
  readonly decoder: TokenizerJSON;
}

/** The configuration that goes with it. */
export const bpeConfig: TokenizerJSON = {
  tokenizer_class: 'PreTrainedTokenizerFast',
  clean_up_tokenization_spaces: false,
};

/** A complete tokenizer.json. */
export function bpeJSON({ vocab, merges = [], preTokenizer, decoder }: Symbols): TokenizerJSON {
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: preTokenizer,
    post_processor: null,
    decoder,
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      vocab,
      merges,
    },
  };
}
