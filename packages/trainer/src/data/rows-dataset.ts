// A dataset of rows: those to train on in an order of their own in each epoch, those to validate on in theirs.
import type { Facts } from '@lockstep/nn';
import type { TypedArray } from '@lockstep/tensor';
import type { BatchArrays, InputSpecs } from '../batch.ts';
import type { ByteSource } from './chunks.ts';
import { type Batches, type BatchPart, type Dataset, epochOf, rowsOf } from './dataset.ts';
import { type RowArray, zerosOf } from './element-types.ts';
import { permute } from './permutation.ts';
import { openPart, type RowStore } from './row-store.ts';
import { type KeptArray, longestOf, type RowsManifest } from './rows-manifest.ts';
import { lengthsOf } from './write-rows.ts';

export interface RowsDatasetOptions {
  readonly name: string;
  /** The sha256 of the manifest. */
  readonly sha256: string;
  readonly manifest: RowsManifest;
  readonly bytes: ByteSource;
  /** The file of the manifest, where there is one. */
  readonly path?: string;
}

export class RowsDataset implements Dataset {
  readonly name: string;
  readonly sha256: string;
  readonly path: string | undefined;
  readonly facts: Facts;
  readonly #arrays: readonly KeptArray[];
  readonly #training: RowStore;
  readonly #validation: RowStore | undefined;
  readonly #bytes: ByteSource;

  constructor({ name, sha256, manifest, bytes, path }: RowsDatasetOptions) {
    const { arrays, training, validation, facts } = manifest;
    this.name = name;
    this.sha256 = sha256;
    this.path = path;
    this.facts = facts;
    this.#arrays = arrays;
    this.#training = openPart(bytes, arrays, training);
    this.#validation = validation && openPart(bytes, arrays, validation);
    this.#bytes = bytes;
  }

  get sizes(): Dataset['sizes'] {
    return { unit: 'rows', training: this.#training.count, validation: this.#validation?.count ?? 0 };
  }

  /** Row g = step · batchSize + row of a run belongs to epoch ⌊g / n⌋ of n rows, whose key permutes them. */
  batches(): Batches {
    const [training, validation] = [this.#training, this.#validation];
    return {
      inputs: inputsOf(this.#arrays),
      unit: 'rows',
      unitsPerRow: 1,
      validationRows: validation?.count ?? 0,
      batch: ({ step, seed, ...part }) =>
        this.#rows(training, part, (row) => {
          const place = step * part.batchSize + row;
          return permute(place % training.count, training.count, epochOf(Math.floor(place / training.count), seed).key);
        }),
      validationBatch: (index, part) =>
        this.#rows(validation!, part, (row) => (index * part.batchSize + row) % validation!.count),
    };
  }

  close(): void {
    this.#bytes.close();
  }

  /** Rows side by side; what is shorter than the longest is followed by zeros, and its length is told. */
  #rows(store: RowStore, part: BatchPart, indexOf: (row: number) => number): BatchArrays {
    const numbers = rowsOf(part);
    const columns = this.#arrays.map((array) => columnOf(array, numbers.length));
    for (const [at, number] of numbers.entries()) {
      const row = store.read(indexOf(number));
      for (const [i, column] of columns.entries()) putInto(column, at, row[i]!);
    }
    return Object.fromEntries(
      columns.flatMap(({ array: { name }, elements, lengths }) => [
        [name, elements],
        ...(lengths ? [[lengthsOf(name), lengths]] : []),
      ]),
    ) as BatchArrays;
  }
}

/** An array of several rows. */
interface Column {
  readonly array: KeptArray;
  readonly elements: TypedArray;
  /** Where rows differ in length. */
  readonly lengths: Uint32Array<ArrayBuffer> | undefined;
}

function columnOf(array: KeptArray, rows: number): Column {
  const lengths = array.perLength === undefined ? undefined : new Uint32Array(rows);
  return { array, elements: zerosOf(array.dtype, rows * longestOf(array)), lengths };
}

function putInto({ array, elements, lengths }: Column, at: number, row: RowArray): void {
  elements.set(row, at * longestOf(array));
  if (lengths) lengths[at] = row.length / array.perLength!;
}

function inputsOf(arrays: readonly KeptArray[]): InputSpecs {
  return Object.fromEntries(
    arrays.flatMap(({ name, shape, dtype, perLength }) => [
      [name, { shape, dtype }],
      ...(perLength === undefined ? [] : [[lengthsOf(name), { shape: [], dtype: 'u32' }]]),
    ]),
  ) as InputSpecs;
}
