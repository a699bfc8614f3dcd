// A tokenised text as a dataset: rows are sequences of tokens and of those that follow them.
import type { Facts, Tokenizer } from '@lockstep/nn';
import type { BatchArrays } from '../batch.ts';
import { ConfigError } from '@lockstep/errors';
import { type Batches, type BatchPart, type BatchRequest, type Dataset, epochOf, rowsOf } from './dataset.ts';
import { permute } from './permutation.ts';
import type { TokenStore } from './token-store.ts';

/** A text, tokenised. */
export interface PreparedText {
  /** What the text is called in messages. */
  readonly name: string;
  /** The sha256 of ids and tokenizer. */
  readonly sha256: string;
  /** The file of the ids, where there is one. */
  readonly path?: string | undefined;
  readonly store: TokenStore;
  readonly tokenizer: Tokenizer;
}

export interface TextDatasetOptions extends PreparedText {
  /** The share of the tokens at the end that is kept for validation, in [0, 1); at most 2²⁰ tokens are. */
  readonly validation: number;
}

const validationLimit = 2 ** 20;

/** A tokenised text, cut into a part to train on and a part at its end to validate on. */
export class TextDataset implements Dataset {
  readonly name: string;
  readonly sha256: string;
  readonly path: string | undefined;
  readonly tokenizer: Tokenizer;
  readonly facts: Facts;
  readonly trainTokens: number;
  readonly validationTokens: number;
  readonly #store: TokenStore;

  constructor({ name, sha256, path, store, tokenizer, validation }: TextDatasetOptions) {
    if (store.length === 0) throw new ConfigError(`text: expected a text, got nothing in ${name}`);
    if (!(validation >= 0 && validation < 1)) {
      throw new ConfigError(`text: expected validation to be a share in [0, 1), got ${validation}`);
    }
    this.name = name;
    this.sha256 = sha256;
    this.path = path;
    this.tokenizer = tokenizer;
    this.facts = { vocab: tokenizer.vocabSize };
    this.validationTokens = Math.min(Math.floor(store.length * validation), validationLimit);
    this.trainTokens = store.length - this.validationTokens;
    this.#store = store;
  }

  get sizes(): Dataset['sizes'] {
    return { unit: 'tokens', training: this.trainTokens, validation: this.validationTokens };
  }

  /** Rows of `context` tokens. @throws {ConfigError} if either part of the text is too short for one, or the model has no context. */
  batches(model: object): Batches {
    const { context } = model as { readonly context?: unknown };
    if (typeof context !== 'number')
      throw new ConfigError(
        `text: expected a model with a setting \`context\`, the tokens of a row, got one without\nhint: settings: z.object({ context: z.int(), … })`,
      );
    this.#require('training', this.trainTokens, context);
    if (this.validationTokens > 0) this.#require('validation', this.validationTokens, context);
    const spec = { shape: [context], dtype: 'u32' } as const;
    return {
      inputs: { tokens: spec, targets: spec },
      unit: 'tokens',
      unitsPerRow: context,
      validationRows: this.validationSequences(context),
      batch: (request) => this.#batch(request, context),
      validationBatch: (index, part) => this.#validationBatch(index, part, context),
    };
  }

  /** Sequences until every part of the training text has been seen once; the next epoch has another order and other borders. */
  sequencesPerEpoch(context: number): number {
    return Math.max(1, Math.floor((this.trainTokens - context) / context));
  }

  /** Sequences that the validation part holds, 0 if it is too short for one. */
  validationSequences(context: number): number {
    return Math.max(0, Math.floor((this.validationTokens - 1) / context));
  }

  /** Closes the file of token ids, if there is one. */
  close(): void {
    this.#store.close();
  }

  /**
   * Sequence g = step · batchSize + row of the run belongs to epoch ⌊g / n⌋ of n sequences; the epoch's key permutes them and shifts their
   * borders.
   */
  #batch({ step, seed, ...part }: BatchRequest, context: number): BatchArrays {
    return this.#rows(part, context, (row) => this.#trainingStart(step * part.batchSize + row, { seed, context }));
  }

  #validationBatch(index: number, part: BatchPart, context: number): BatchArrays {
    this.#require('validation', this.validationTokens, context);
    const sequences = this.validationSequences(context);
    return this.#rows(
      part,
      context,
      (row) => this.trainTokens + ((index * part.batchSize + row) % sequences) * context,
    );
  }

  #trainingStart(sequence: number, { seed, context }: { seed: number; context: number }): number {
    const perEpoch = this.sequencesPerEpoch(context);
    const { key, shift } = epochOf(Math.floor(sequence / perEpoch), seed);
    const shifts = Math.min(context, this.trainTokens - perEpoch * context);
    return permute(sequence % perEpoch, perEpoch, key) * context + (shift % shifts);
  }

  /** Reads a window of context + 1 tokens for each row of the part: `startOf` tells where the one of a row of the batch begins. */
  #rows(part: BatchPart, context: number, startOf: (row: number) => number): BatchArrays {
    const rows = rowsOf(part);
    const tokens = new Uint32Array(rows.length * context); // (B, T)
    const targets = new Uint32Array(rows.length * context); // (B, T)
    for (const [at, row] of rows.entries()) {
      const window = this.#store.read(startOf(row), context + 1);
      tokens.set(window.subarray(0, context), at * context);
      targets.set(window.subarray(1), at * context);
    }
    return { tokens, targets };
  }

  #require(part: string, tokens: number, context: number): void {
    if (tokens > context) return;
    throw new ConfigError(
      `text: expected more than ${context} ${part} tokens for a context of ${context}, got ${tokens} in ${this.name}\n` +
        'hint: a shorter context, a longer text, or another share for validation',
    );
  }
}
