// What a step of one's own is taken on: a batch of a dataset, or arrays of rows that the script has made itself.
import { ConfigError } from '@lockstep/errors';
import type { Facts, ModelValue } from '@lockstep/nn';
import { type DType, sizeOf, type TypedArray } from '@lockstep/tensor';
import type { BatchArrays, InputSpecs } from '../batch.ts';
import type { Batches, Dataset } from '../data/dataset.ts';
import { sha256Hex } from '../sha256-hex.ts';
import type { BatchSource } from '../step.ts';

/** A batch of a dataset, which whoever takes it cuts out for its model. Made by {@link withBatches}. */
export class DataBatch {
  readonly dataset: Dataset;
  readonly part: 'training' | 'validation';
  /** Counted from 0. */
  readonly index: number;

  constructor(dataset: Dataset, part: 'training' | 'validation', index: number) {
    this.dataset = dataset;
    this.part = part;
    this.index = index;
  }
}

/** A dataset from which a loop of one's own takes its batches. */
export interface OpenData extends Dataset {
  /** The rows of a step, counted from 1: the same ones as a run would train on, for any number of workers. */
  batch(step: number): DataBatch;
  /** The first batches of the part to validate on: the same ones every time. */
  validation(batches: number): DataBatch[];
}

/** @throws {ConfigError} for steps that are none. */
export function withBatches(dataset: Dataset): OpenData {
  return {
    name: dataset.name,
    sha256: dataset.sha256,
    path: dataset.path,
    facts: dataset.facts,
    tokenizer: dataset.tokenizer,
    sizes: dataset.sizes,
    batches: (model) => dataset.batches(model),
    close: () => dataset.close(),
    batch(step) {
      if (Number.isSafeInteger(step) && step > 0) return new DataBatch(dataset, 'training', step - 1);
      throw new ConfigError(
        `${dataset.name}: batch: expected the number of a step, counted from 1, got ${String(step)}`,
      );
    },
    validation: (batches) => Array.from({ length: batches }, (_, index) => new DataBatch(dataset, 'validation', index)),
  };
}

/** The data that batches are taken from. */
export type BatchOrigin = Pick<Dataset, 'name' | 'sha256' | 'tokenizer'>;

/** Arrays of all rows of a global batch, one row after the other, by name; the same on every worker. */
export type RowArrays = Readonly<Record<string, TypedArray>>;

/** What a step is taken on: a batch of a dataset, or arrays of rows. */
export type StepBatch = DataBatch | RowArrays;

/** What decides the form of batches. */
export interface BatchForm {
  readonly model: ModelValue | Readonly<Record<string, ModelValue>>;
  readonly batch: number;
  readonly shards: number;
  readonly seed: number;
  /** Shapes of a row of arrays of the script's own: one number, or a list of them, unless given. */
  readonly shapes?: Readonly<Record<string, readonly number[]>> | undefined;
}

/** Turns what a script gives into what a step takes, which has one form throughout. */
export class BatchReader {
  readonly #form: BatchForm;
  readonly #batches = new Map<Dataset, Batches>();
  #inputs: InputSpecs | undefined;

  constructor(form: BatchForm) {
    this.#form = form;
  }

  /** What the data says of itself. */
  factsOf(batch: StepBatch): Facts {
    return batch instanceof DataBatch ? batch.dataset.facts : {};
  }

  /** The data that it is a batch of; nothing for arrays of the script's own. */
  originOf(batch: StepBatch): BatchOrigin | undefined {
    return batch instanceof DataBatch ? batch.dataset : undefined;
  }

  /** What a row holds. @throws {ConfigError} where it is something else than it was. */
  inputsOf(batch: StepBatch): InputSpecs {
    const now = batch instanceof DataBatch ? this.#batchesOf(batch.dataset).inputs : this.#specsOf(batch);
    const known = (this.#inputs ??= now);
    const [before, after] = [wordsFor(known), wordsFor(now)];
    if (before === after) return known;
    throw new ConfigError(`take: expected rows of ${before}, as in the first step, got ${after}`);
  }

  sourceOf(batch: StepBatch): BatchSource {
    const { batch: batchSize, shards, seed } = this.#form;
    if (batch instanceof DataBatch) {
      const { index, part } = batch;
      const batches = this.#batchesOf(batch.dataset);
      return ({ lo, hi }) => {
        const rows = { shard: lo, count: hi - lo, shards, batchSize };
        return part === 'training'
          ? batches.batch({ step: index, seed, ...rows })
          : batches.validationBatch(index, rows);
      };
    }
    return ({ lo, hi }) => sliced(batch, { from: lo / shards, to: hi / shards });
  }

  /** The sha256 of a step's rows, as far as this worker sees them. */
  async hashOf(batch: StepBatch): Promise<string> {
    const arrays = this.sourceOf(batch)({ lo: 0, hi: batch instanceof DataBatch ? 1 : this.#form.shards });
    const hashes = Object.keys(arrays)
      .toSorted()
      .map(async (name) => `${name} ${await sha256Hex(bytesOf(arrays[name]!))}`);
    return sha256Hex(new TextEncoder().encode((await Promise.all(hashes)).join('\n')));
  }

  #batchesOf(dataset: Dataset): Batches {
    const known = this.#batches.get(dataset);
    if (known) return known;
    const batches = dataset.batches(withContext(this.#form.model));
    this.#batches.set(dataset, batches);
    return batches;
  }

  #specsOf(arrays: RowArrays): InputSpecs {
    const entries = Object.entries(arrays);
    if (entries.length === 0) throw new ConfigError('take: expected arrays of rows by name, got none');
    return Object.fromEntries(entries.map(([name, array]) => [name, this.#specOf(name, array)]));
  }

  #specOf(name: string, array: unknown): InputSpecs[string] {
    const { batch, shapes } = this.#form;
    const dtype = dtypeOf(name, array);
    const { length } = array as TypedArray;
    const perRow = length / batch;
    const given = shapes?.[name];
    const wanted = given ? batch * sizeOf(given) : undefined;
    if (!Number.isInteger(perRow) || (wanted ?? length) !== length || length === 0)
      throw new ConfigError(
        `take: ${name}: expected ${wanted === undefined ? `a multiple of ${batch} elements, as many for each row of the batch` : `${wanted} elements, [${given!.join(', ')}] for each of ${batch} rows`}, got ${length}`,
      );
    return { shape: given ?? (perRow === 1 ? [] : [perRow]), dtype };
  }
}

/** The length of a text's rows is a setting of the model; of several, of the one that has it. */
function withContext(model: BatchForm['model']): object {
  if ('context' in model || typeof model['kind'] === 'string') return model;
  return Object.values(model).find((one) => 'context' in (one as object)) ?? model;
}

const dtypes: readonly (readonly [new () => TypedArray, DType])[] = [
  [Float32Array, 'f32'],
  [Uint32Array, 'u32'],
  [Int32Array, 'i32'],
];

function dtypeOf(name: string, array: unknown): DType {
  const found = dtypes.find(([type]) => array instanceof type);
  if (found) return found[1];
  const got = (array as object | undefined)?.constructor?.name ?? String(array);
  throw new ConfigError(`take: ${name}: expected a Float32Array, Uint32Array or Int32Array, got ${got}`);
}

function wordsFor(inputs: InputSpecs): string {
  return Object.keys(inputs)
    .toSorted()
    .map((name) => `${name} [${inputs[name]!.shape.join(', ')}] of ${inputs[name]!.dtype}`)
    .join(', ');
}

function sliced(arrays: RowArrays, { from, to }: { from: number; to: number }): BatchArrays {
  return Object.fromEntries(
    Object.entries(arrays).map(([name, array]) => [name, array.subarray(from * array.length, to * array.length)]),
  ) as BatchArrays;
}

const bytesOf = ({ buffer, byteOffset, byteLength }: TypedArray): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(new Uint8Array(buffer, byteOffset, byteLength));
