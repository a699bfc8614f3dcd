// What a run learns from, opened: rows of named arrays, each a pure function of seed and number. There is no loader and no state:
// row g of a run is computed from g, on whichever worker it is needed, so the order never depends on who asks.
import type { Facts, Tokenizer } from '@lockstep/nn';
import { type Key, philox, toWords } from '@lockstep/tensor';
import type { BatchArrays, InputSpecs } from '../batch.ts';
import { ConfigError } from '@lockstep/errors';

/** Which part of a global batch: `count` shards from `shard` on (one by default) of a batch cut into `shards`. */
export interface BatchPart {
  readonly shard: number;
  readonly count?: number;
  readonly shards: number;
  /** Rows in the global batch; a multiple of `shards`. */
  readonly batchSize: number;
}

/** A part of the batch of one step. */
export interface BatchRequest extends BatchPart {
  readonly step: number;
  readonly seed: number;
}

/** A dataset's rows as a model sees them. */
export interface Batches {
  readonly inputs: InputSpecs;
  /** What is counted in throughput: tokens of a text, rows of anything else. */
  readonly unit: 'tokens' | 'rows';
  readonly unitsPerRow: number;
  /** Rows to validate on; 0 for none. */
  readonly validationRows: number;
  /** Rows of the part of the batch of a step, in order, one after the other. */
  readonly batch: (request: BatchRequest) => BatchArrays;
  /** Rows of a part of validation batch `index`: always the same ones, in their order, beginning again at the end. */
  readonly validationBatch: (index: number, part: BatchPart) => BatchArrays;
}

/** Data that has been prepared and opened: what a run trains and validates on. */
export interface Dataset {
  /** What it is called in messages. */
  readonly name: string;
  /** The sha256 of all that was prepared. */
  readonly sha256: string;
  /** The file that it was prepared into, from which workers open it; nothing where it is in memory. */
  readonly path?: string | undefined;
  /** What it says of itself to whoever builds a model: of a text its `vocab`. */
  readonly facts: Facts;
  /** What made its tokens, where it is a text. */
  readonly tokenizer?: Tokenizer | undefined;
  /** Rows to train on and to validate on, or tokens of a text. */
  readonly sizes: { readonly unit: 'tokens' | 'rows'; readonly training: number; readonly validation: number };
  /** @param model its setting `context` is the length of a text's rows. @throws {ConfigError} where there is less than one row. */
  batches(model: object): Batches;
  /** Closes the files that hold it. */
  close(): void;
}

/** The rows of a part of a batch, by their numbers in it. @throws {ConfigError} for a batch that shards do not divide. */
export function rowsOf({ shard, count = 1, shards, batchSize }: BatchPart): number[] {
  if (batchSize % shards !== 0)
    throw new ConfigError(`data: expected a batch that is a multiple of ${shards} shards, got ${batchSize}`);
  const perShard = batchSize / shards;
  return Array.from({ length: count * perShard }, (_, row) => shard * perShard + row);
}

/** What sets an epoch apart from the others of its seed: the key of its order, and a number to shift its rows by. */
export function epochOf(epoch: number, seed: number): { key: Key; shift: number } {
  const [low, high] = toWords(epoch);
  const [a, b, shift] = philox([low, high, 0, epochPurpose], toWords(seed));
  return { key: [a, b], shift };
}

/** Sets the words drawn here apart from the weights' first numbers, which come from the same seed. */
const epochPurpose = 2;
