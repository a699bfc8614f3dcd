// A tokenizer.json as its parts, as far as they matter here: which kind of model it is, and what is used around it.
import { z } from 'zod';
import { ConfigError } from '@lockstep/errors';
import type { TokenizerJSON } from './tokenizer.ts';

/** Nobody has a model with more tokens. */
const maxId = 2 ** 24 - 1;

const component = z.looseObject({ type: z.string() }).nullish();
const byName = z.record(z.string(), z.int().min(0).max(maxId));

const schema = z.looseObject({
  normalizer: component,
  pre_tokenizer: component,
  added_tokens: z.array(z.looseObject({ content: z.string(), id: z.int().min(0).max(maxId).optional() })).nullish(),
  model: z.looseObject({
    type: z.string().optional(),
    vocab: z.union([byName, z.array(z.tuple([z.string(), z.number()]))]),
    dropout: z.number().nullish(),
    unk_token: z.string().nullish(),
    unk_id: z.int().nullish(),
  }),
});

/** A part of a tokenizer.json that has a type of its own, such as a normalizer. */
export type Component = { readonly type: string } & TokenizerJSON;

/** A piece of text that is a token whatever the model says. */
export interface AddedToken {
  readonly content: string;
  readonly id?: number;
  readonly normalized?: boolean;
  readonly single_word?: boolean;
  readonly lstrip?: boolean;
  readonly rstrip?: boolean;
}

export type ModelType = 'BPE' | 'WordPiece' | 'WordLevel' | 'Unigram';

/** The checked view of a tokenizer.json. */
export interface TokenizerParts {
  readonly normalizers: readonly Component[];
  readonly preTokenizers: readonly Component[];
  readonly addedTokens: readonly AddedToken[];
  readonly modelType: ModelType;
  readonly model: TokenizerJSON;
  /** The ids of the model's tokens; those of Unigram count from 0. */
  readonly vocab: ReadonlyMap<string, number>;
}

/** Throws ConfigError if `json` is no tokenizer.json, or one whose tokens are drawn by chance (a BPE with dropout). */
export function tokenizerParts(json: unknown): TokenizerParts {
  requireShallow(json);
  const parsed = schema.safeParse(json);
  if (!parsed.success) throw notOne(parsed.error);
  const { normalizer, pre_tokenizer, added_tokens, model } = parsed.data;
  if (model.dropout) {
    throw new ConfigError(
      `huggingface: expected a tokenizer.json that always gives the same tokens, got "dropout": ${model.dropout} in its model\n` +
        'hint: with null there it gives the likeliest ones',
    );
  }
  return {
    normalizers: flatten(normalizer, 'normalizers'),
    preTokenizers: flatten(pre_tokenizer, 'pretokenizers'),
    addedTokens: (added_tokens ?? []) as readonly AddedToken[],
    modelType: modelTypeOf(model),
    model,
    vocab: vocabOf(model.vocab),
  };
}

/** The reference reads no deeper; others overflow the stack. */
const maxDepth = 127;

function requireShallow(value: unknown, depth = 0): void {
  if (depth > maxDepth) {
    throw new ConfigError(`huggingface: expected a tokenizer.json at most ${maxDepth} levels deep, got a deeper one`);
  }
  if (typeof value !== 'object' || value === null) return;
  for (const part of Object.values(value)) if (typeof part === 'object') requireShallow(part, depth + 1);
}

function notOne(error: z.ZodError): ConfigError {
  const { path, message } = error.issues[0]!;
  const place = path.slice(0, 4).join('.');
  return new ConfigError(
    `huggingface: expected the content of a tokenizer.json, got something else${place && ` in "${place.slice(0, 60)}"`}\n` +
      `hint: ${message.split('\n')[0]}`,
  );
}

/** The members of sequences within sequences, in order. */
function flatten(part: Component | null | undefined, members: string): Component[] {
  if (!part) return [];
  if (part.type !== 'Sequence') return [part];
  const list = part[members];
  return Array.isArray(list) ? list.flatMap((each) => flatten(each as Component, members)) : [part];
}

/** Old files do not name the type; then its settings tell. */
function modelTypeOf(model: TokenizerJSON): ModelType {
  const { type } = model;
  if (type === 'BPE' || type === 'WordPiece' || type === 'WordLevel' || type === 'Unigram') return type;
  if (type !== undefined) {
    throw new ConfigError(
      `huggingface: expected a model of type BPE, WordPiece, WordLevel or Unigram, got ${JSON.stringify(type)}`,
    );
  }
  if ('merges' in model) return 'BPE';
  if (Array.isArray(model['vocab'])) return 'Unigram';
  return 'max_input_chars_per_word' in model ? 'WordPiece' : 'WordLevel';
}

function vocabOf(
  vocab: Readonly<Record<string, number>> | readonly (readonly [string, number])[],
): Map<string, number> {
  if (!Array.isArray(vocab)) return new Map(Object.entries(vocab));
  return new Map((vocab as readonly (readonly [string, number])[]).map(([token], id) => [token, id]));
}
