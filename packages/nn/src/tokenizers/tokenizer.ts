// What every tokenizer can do. The kinds stand beside this file; reading one back from a folder is `node/tokenizer.ts`.

/** The content of a Hugging Face `tokenizer.json`. */
export type TokenizerJSON = Readonly<Record<string, unknown>>;

/** What becomes of a character that a tokenizer cannot represent. One with an unknown token of its own can represent all. */
export type Unknown = 'stop' | 'drop';

/** Text to token ids and back. */
export interface Tokenizer {
  readonly kind: 'characters' | 'bytes' | 'huggingface';
  /** Ids are below this; a model needs as many rows in its embedding. */
  readonly vocabSize: number;
  /** Two tokenizers with one fingerprint give the same ids for every text. */
  readonly fingerprint: string;
  /** The content of a `tokenizer_config.json` to go with `toJSON()`. */
  readonly config: TokenizerJSON;
  /** Rejects with UnknownTextError, which names it and its place, if the text holds what the vocabulary cannot express; `drop` leaves it out. */
  encode(text: string, options?: { readonly unknown?: Unknown }): Promise<Uint32Array>;
  /** What cannot be decoded (a broken UTF-8 sequence, an id beyond the vocabulary) becomes U+FFFD. */
  decode(ids: ArrayLike<number>): Promise<string>;
  /** The content of a `tokenizer.json` that other tools read too; `tokenizerFromJSON` takes it back. */
  toJSON(): TokenizerJSON;
}
