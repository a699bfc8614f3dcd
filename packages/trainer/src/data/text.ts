// A text to train on, as a run describes it: plain data, so that reading a run file reads no text. The text itself is fetched and
// tokenised by `prepareText`, of which a browser and Node have one each.

import { type BpeDescription, type Unknown } from '@lockstep/nn';

/** Where a text is, how it becomes tokens, and how much of it is kept for validation. */
export interface TextDescription {
  readonly kind: 'text';
  /** A path, a URL or, in Node, the name of a package that holds a text. */
  readonly source: string;
  /** `characters`, `bytes`, the path or URL of a Hugging Face tokenizer.json, or one to be learned from the training part: `bpe({ … })`. */
  readonly tokenizer: string | BpeDescription;
  /** A share in [0, 1) of the tokens, at the end of the text; at most 2²⁰ tokens are kept. */
  readonly validation: number;
  /** What becomes of a character that the tokenizer cannot represent: preparing stops there, unless it is to be dropped. */
  readonly unknown?: Unknown | undefined;
}

/** What may be said of a text. */
export interface TextOptions {
  readonly tokenizer?: string | URL | BpeDescription;
  readonly validation?: number;
  readonly unknown?: Unknown;
}

/** Describes a text; nothing is read yet. Paths count from the folder of the run file. */
export function text(
  source: string | URL,
  { tokenizer = 'characters', validation = 0.1, unknown }: TextOptions = {},
): TextDescription {
  return {
    kind: 'text',
    source: String(source),
    tokenizer: tokenizer instanceof URL ? String(tokenizer) : tokenizer,
    validation,
    ...(unknown && { unknown }),
  };
}
