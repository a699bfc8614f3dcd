// A text to train on, as a run describes it: plain data, so that reading a run file reads no text. The text itself is fetched and
// tokenised by `prepareText`, of which a browser and Node have one each.

/** Where a text is, how it becomes tokens, and how much of it is kept for validation. */
export interface TextDescription {
  readonly kind: 'text';
  /** A path, a URL or, in Node, the name of a package that holds a text. */
  readonly source: string;
  /** `characters`, `bytes`, or the path or URL of a Hugging Face tokenizer.json. */
  readonly tokenizer: string;
  /** A share in [0, 1) of the tokens, at the end of the text; at most 2²⁰ tokens are kept. */
  readonly validation: number;
}

/** Describes a text; nothing is read yet. Paths count from the folder of the run file. */
export function text(
  source: string | URL,
  { tokenizer = 'characters', validation = 0.1 }: { tokenizer?: string | URL; validation?: number } = {},
): TextDescription {
  return { kind: 'text', source: String(source), tokenizer: String(tokenizer), validation };
}
