// A text to train on, as a run describes it: settings, so that reading a run file reads no text. Where it is prepared, a
// `DataPlace` fetches and tokenises it.
import { type BpeDescription, bpeVocabRange, defined, real, settings, type Unknown, whole, words } from '@lockstep/nn';
import * as z from 'zod';
import type { DatasetDefinition, DatasetValue } from './define-dataset.ts';
import { TextDataset } from './text-dataset.ts';

/** Where a text is, how it becomes tokens, and how much of it is kept for validation. */
export interface TextSettings {
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

const { from, to } = bpeVocabRange;

const textSettings: z.ZodType<TextSettings> = settings({
  source: words('a path, a URL or the name of a package', /./),
  tokenizer: z
    .union([
      words('characters, bytes or the path of a tokenizer.json', /./),
      settings({ kind: z.literal('bpe'), vocab: whole({ from, to }) }),
    ])
    .describe(`characters, bytes, the path of a tokenizer.json, or bpe({ vocab: ${from} to ${to} })`),
  validation: real({ from: 0, below: 1 }),
  unknown: z.enum(['stop', 'drop']).describe('stop or drop').optional(),
});

const textDefinition: DatasetDefinition<TextSettings> = {
  role: 'dataset',
  name: 'text',
  settings: textSettings,
  async open(given, place) {
    const prepared = await place.text(given);
    try {
      return new TextDataset({ ...prepared, validation: given.validation });
    } catch (error) {
      prepared.store.close();
      throw error;
    }
  },
};

/** Describes a text; nothing is read yet. Paths count from the folder of the run file. */
export function text(
  source: string | URL,
  { tokenizer = 'characters', validation = 0.1, unknown }: TextOptions = {},
): DatasetValue<TextSettings> {
  return defined(textDefinition, {
    source: String(source),
    tokenizer: tokenizer instanceof URL ? String(tokenizer) : tokenizer,
    validation,
    ...(unknown && { unknown }),
  });
}
