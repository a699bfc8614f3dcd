// What a run learns from: sequences of tokens, each a pure function of seed and number. There is no loader and no state:
// sequence g of a run is computed from g, on whichever worker it is needed, so the order never depends on who asks.
import type { Tokenizer } from '@lockstep/nn';
import { philox, toWords, type Key } from '@lockstep/tensor';
import { ConfigError } from '../errors.ts';
import { permute } from './permutation.ts';
import type { TokenStore } from './token-store.ts';

/** A text as a dataset takes it. */
export interface DatasetOptions {
  /** What the text is called in messages. */
  readonly name: string;
  readonly store: TokenStore;
  readonly tokenizer: Tokenizer;
  /** The share of the tokens at the end that is kept for validation, in [0, 1); at most 2²⁰ tokens are. */
  readonly validation: number;
}

/** Which part of a global batch: `count` shards from `shard` on (one by default) of a batch cut into `shards`. */
export interface BatchPart {
  readonly shard: number;
  readonly count?: number;
  readonly shards: number;
  /** Sequences in the global batch; a multiple of `shards`. */
  readonly batchSize: number;
  /** Tokens in a sequence. */
  readonly context: number;
}

/** A part of the batch of one step. */
export interface BatchRequest extends BatchPart {
  readonly step: number;
  readonly seed: number;
}

/** Tokens, and the tokens that follow each of them; one row for each sequence of the part, in order. */
export interface TokenBatch {
  readonly tokens: Uint32Array<ArrayBuffer>; // (B, T)
  readonly targets: Uint32Array<ArrayBuffer>; // (B, T)
}

const validationLimit = 2 ** 20;

/** A tokenised text, cut into a part to train on and a part at its end to validate on. */
export class Dataset {
  readonly name: string;
  readonly tokenizer: Tokenizer;
  readonly vocabSize: number;
  readonly trainTokens: number;
  readonly validationTokens: number;
  readonly #store: TokenStore;

  constructor({ name, store, tokenizer, validation }: DatasetOptions) {
    if (store.length === 0) throw new ConfigError(`text: expected a text, got nothing in ${name}`);
    if (!(validation >= 0 && validation < 1)) {
      throw new ConfigError(`text: expected validation to be a share in [0, 1), got ${validation}`);
    }
    this.name = name;
    this.tokenizer = tokenizer;
    this.vocabSize = tokenizer.vocabSize;
    this.validationTokens = Math.min(Math.floor(store.length * validation), validationLimit);
    this.trainTokens = store.length - this.validationTokens;
    this.#store = store;
  }

  /** Throws ConfigError if either part of the text is too short for sequences of `context` tokens. */
  requireContext(context: number): void {
    this.#require('training', this.trainTokens, context);
    if (this.validationTokens > 0) this.#require('validation', this.validationTokens, context);
  }

  /** Sequences until every part of the training text has been seen once; the next epoch has another order and other borders. */
  sequencesPerEpoch(context: number): number {
    return Math.max(1, Math.floor((this.trainTokens - context) / context));
  }

  /** Sequences that the validation part holds, 0 if it is too short for one. */
  validationSequences(context: number): number {
    return Math.max(0, Math.floor((this.validationTokens - 1) / context));
  }

  /**
   * A part of the batch of `step`. Sequence g = step · batchSize + row of the run belongs to epoch ⌊g / n⌋ of n sequences;
   * the epoch's key permutes them and shifts their borders. Throws ConfigError if the text is shorter than a sequence.
   */
  batch({ step, seed, ...part }: BatchRequest): TokenBatch {
    this.#require('training', this.trainTokens, part.context);
    return this.#rows(part, (row) => this.#trainingStart(step * part.batchSize + row, { seed, context: part.context }));
  }

  /**
   * A part of validation batch `index`: the validation text's sequences in their order, the same in every step and for every
   * seed, beginning again at the end. Throws ConfigError if the validation part is shorter than a sequence.
   */
  validationBatch(index: number, part: BatchPart): TokenBatch {
    this.#require('validation', this.validationTokens, part.context);
    const sequences = this.validationSequences(part.context);
    return this.#rows(part, (row) => this.trainTokens + ((index * part.batchSize + row) % sequences) * part.context);
  }

  /** Closes the file of token ids, if there is one. */
  close(): void {
    this.#store.close();
  }

  #trainingStart(sequence: number, { seed, context }: { seed: number; context: number }): number {
    const perEpoch = this.sequencesPerEpoch(context);
    const { key, shift } = epochOf(Math.floor(sequence / perEpoch), seed);
    const shifts = Math.min(context, this.trainTokens - perEpoch * context);
    return permute(sequence % perEpoch, perEpoch, key) * context + (shift % shifts);
  }

  /** Reads a window of context + 1 tokens for each row of the part: `startOf` tells where the one of a row of the batch begins. */
  #rows({ shard, count = 1, shards, batchSize, context }: BatchPart, startOf: (row: number) => number): TokenBatch {
    if (batchSize % shards !== 0) {
      throw new ConfigError(`text: expected a batch that is a multiple of ${shards} shards, got ${batchSize}`);
    }
    const perShard = batchSize / shards;
    const rows = count * perShard;
    const tokens = new Uint32Array(rows * context); // (B, T)
    const targets = new Uint32Array(rows * context); // (B, T)
    for (let row = 0; row < rows; row++) {
      const window = this.#store.read(startOf(shard * perShard + row), context + 1);
      tokens.set(window.subarray(0, context), row * context);
      targets.set(window.subarray(1), row * context);
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

/** What sets an epoch apart from the others of its seed: the key of its order, and a number to shift its sequences by. */
function epochOf(epoch: number, seed: number): { key: Key; shift: number } {
  const [low, high] = toWords(epoch);
  const [a, b, shift] = philox([low, high, 0, epochPurpose], toWords(seed));
  return { key: [a, b], shift };
}

/** Sets the words drawn here apart from the weights' first numbers, which come from the same seed. */
const epochPurpose = 2;
