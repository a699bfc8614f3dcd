// Rows, asked for once and one by one, become bytes and a manifest: in memory no more than a chunk of them is held.
import { ConfigError } from '@lockstep/errors';
import { sha256Hex } from '../sha256-hex.ts';
import { type ChunkSink, ChunkWriter } from './chunks.ts';
import { bytesOfRow, type KeptArray, type KeptPart, type RowsManifest } from './rows-manifest.ts';
import { type ArrayForm, deviceTypeOf, type RowBytes, RowForm } from './row-form.ts';
import { type LoadedRows, requireLoaded, type Rows } from './rows.ts';

/** Rows that are asked for a second time. */
const lookedAtTwice = 16;

/**
 * Writes all rows, to train on and to validate on.
 * @param who the dataset, for messages.
 * @throws {ConfigError} for what are no rows, for one of another form than the first, and one that is another on a second look.
 */
export async function writeRows(
  loaded: unknown,
  { who, sink }: { who: string; sink: ChunkSink },
): Promise<RowsManifest> {
  requireLoaded(loaded, who);
  const [form, chunks] = [new RowForm(who, loaded), new ChunkWriter(sink)];
  const training = new PartWriter(loaded.training, { who, part: '', form, chunks });
  const { validation: rows } = loaded;
  const validation =
    rows && rows.size > 0 ? new PartWriter(rows, { who, part: 'validation ', form, chunks }) : undefined;
  const parts = [await training.write(), await validation?.write()] as const;
  const arrays = keptArrays(form.complete, loaded, who);
  for (const part of [training, validation]) await part?.lookAgain();
  return {
    version: 1,
    arrays,
    training: parts[0],
    ...(parts[1] && { validation: parts[1] }),
    facts: loaded.facts ?? {},
    chunks: [...(await chunks.end())],
    byteLength: chunks.byteLength,
  };
}

interface PartOptions {
  readonly who: string;
  /** What stands before "row 7" in messages. */
  readonly part: string;
  readonly form: RowForm;
  readonly chunks: ChunkWriter;
}

class PartWriter {
  readonly #rows: Rows;
  readonly #size: number;
  readonly #options: PartOptions;
  /** The sha256 of each array of some rows. */
  readonly #seen = new Map<number, readonly string[]>();

  constructor(rows: Rows, options: PartOptions) {
    this.#rows = rows;
    this.#size = rows.size;
    this.#options = options;
  }

  async write(): Promise<KeptPart> {
    const { chunks, form } = this.#options;
    const start = chunks.byteLength;
    const lengths = new RowLengths();
    const step = Math.ceil(this.#size / lookedAtTwice);
    for (let index = 0; index < this.#size; index++) {
      const row = await this.#at(index);
      if (index % step === 0 || index === this.#size - 1) this.#seen.set(index, await sha256sOf(row));
      lengths.add(row.lengths);
      for (const bytes of row.bytes) {
        const written = chunks.add(bytes);
        if (written) await written;
      }
    }
    if (lengths.alike) return { count: this.#size, start, rows: { lengths: [...lengths.alike] } };
    const index = chunks.byteLength;
    await writeIndex(lengths, { start, arrays: form.arrays, chunks });
    return { count: this.#size, start, rows: { index } };
  }

  /** @throws {ConfigError} where a row is another than it was. */
  async lookAgain(): Promise<void> {
    const { who, part, form } = this.#options;
    for (const [index, before] of this.#seen) {
      const now = await sha256sOf(await this.#at(index));
      const other = form.arrays.find((_, i) => now[i] !== before[i]);
      if (other)
        throw new ConfigError(
          `${who}: ${part}row ${index}: ${other.name}: expected the same bytes on every look, got others on the second\nhint: draw random numbers in load, before rows are given, and let at(i) depend on i alone`,
        );
    }
  }

  async #at(index: number): Promise<RowBytes> {
    const { who, part, form } = this.#options;
    const place = `${part}row ${index}`;
    try {
      return form.take(await this.#rows.at(index), place);
    } catch (error) {
      if (error instanceof ConfigError) throw error;
      const [got = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
      throw new ConfigError(`${who}: ${place}: expected its arrays, got an error: ${got}`, { cause: error });
    }
  }
}

const sha256sOf = ({ bytes }: RowBytes): Promise<string[]> =>
  Promise.all(bytes.map((array) => sha256Hex(Uint8Array.from(array))));

/** How long the arrays of each row are; a single row's lengths as long as all are alike. */
class RowLengths {
  #first: readonly number[] = [];
  #count = 0;
  #all: Uint32Array<ArrayBuffer> | undefined;

  /** Those of every row, where they are. */
  get alike(): readonly number[] | undefined {
    return this.#all ? undefined : this.#first;
  }

  /** Gives the lengths of the arrays of each row, one row after the other. */
  *[Symbol.iterator](): Generator<Uint32Array<ArrayBuffer>> {
    const width = this.#first.length;
    for (let row = 0; row < this.#count; row++) yield this.#all!.subarray(row * width, (row + 1) * width);
  }

  add(lengths: readonly number[]): void {
    if (this.#count === 0) this.#first = lengths;
    else if (!this.#all && lengths.some((length, i) => length !== this.#first[i])) this.#tellApart();
    if (this.#all) this.#put(lengths);
    this.#count++;
  }

  /** From now on each row's lengths are kept; those so far were alike. */
  #tellApart(): void {
    const width = this.#first.length;
    this.#all = new Uint32Array(2 * this.#count * width);
    for (let row = 0; row < this.#count; row++) this.#all.set(this.#first, row * width);
  }

  #put(lengths: readonly number[]): void {
    const at = this.#count * lengths.length;
    if (at + lengths.length > this.#all!.length) {
      const larger = new Uint32Array(2 * (at + lengths.length));
      larger.set(this.#all!);
      this.#all = larger;
    }
    this.#all!.set(lengths, at);
  }
}

async function writeIndex(
  lengths: Iterable<Uint32Array<ArrayBuffer>>,
  { start, arrays, chunks }: { start: number; arrays: readonly ArrayForm[]; chunks: ChunkWriter },
): Promise<void> {
  let place = start;
  for (const row of lengths) {
    await chunks.add(new Uint8Array(Float64Array.of(place).buffer));
    await chunks.add(new Uint8Array(row.buffer, row.byteOffset, row.byteLength));
    place += bytesOfRow(arrays, row);
  }
}

function keptArrays(forms: readonly ArrayForm[], { shapes = {}, dtypes = {} }: LoadedRows, who: string): KeptArray[] {
  for (const [group, named] of [
    ['shapes', shapes],
    ['dtypes', dtypes],
  ] as const) {
    const unknown = Object.keys(named).find((name) => !forms.some((form) => form.name === name));
    if (unknown !== undefined)
      throw new ConfigError(
        `${who}: ${group}: expected names of arrays (${forms.map(({ name }) => name).join(', ')}), got ${JSON.stringify(unknown)}`,
      );
  }
  const clash = forms.find(({ ragged, name }) => ragged && forms.some((form) => form.name === lengthsOf(name)));
  if (clash)
    throw new ConfigError(
      `${who}: expected no array named ${lengthsOf(clash.name)}, which tells the lengths of ${clash.name}, got one`,
    );
  return forms.map((form) => {
    const { name, stored } = form;
    const { shape, perLength } = shapeOf(form, shapes[name], who);
    return { name, stored, dtype: deviceTypeOf(form, dtypes[name], who), shape, ...(form.ragged && { perLength }) };
  });
}

/** The name of the numbers that tell how long the arrays of a name are. */
export const lengthsOf = (name: string): string => `${name}Lengths`;

/** As given, else a number where all have one element, else flat and as long as the longest. */
function shapeOf(
  { name, longest, ragged, inner }: ArrayForm,
  given: readonly number[] | undefined,
  who: string,
): { shape: number[]; perLength: number } {
  if (given === undefined) return { shape: longest === 1 && !ragged ? [] : [longest], perLength: 1 };
  const shape = given.map((length) => (length === -1 ? longest / inner : length));
  if (shape.reduce((product, length) => product * length, 1) === longest) return { shape, perLength: inner };
  throw new ConfigError(
    `${who}: shapes.${name}: expected a shape of ${longest} elements, got [${given.join(', ')}]\nhint: -1 as the first axis is as long as it takes`,
  );
}
