// What a dataset is to those who write one, and how it is opened. `text` is defined so, too.
import { type Defined, defined, type Definition, definitionOf, settingsOf } from '@lockstep/nn';
import type * as z from 'zod';
import { ConfigError } from '@lockstep/errors';
import type { Dataset } from './dataset.ts';
import type { DataPlace, LoadStart } from './data-place.ts';
import type { LoadedRows } from './rows.ts';

export interface DatasetDefinition<Settings extends object = object> extends Definition<Settings> {
  readonly role: 'dataset';
  /** Opens it at a place where data can be kept. */
  open(settings: Settings, place: DataPlace): Promise<Dataset>;
}

/** A dataset with its settings, frozen and plain as JSON, as a run holds it. */
export type DatasetValue<Settings extends object = object> = Defined<Settings>;

interface RowsDefinition<Settings extends object> {
  readonly name: string;
  readonly settings?: z.ZodType<Settings>;
  /**
   * Says that rows of the same name, settings and version are the same, so that they are loaded once whatever else changes in the run's code:
   * for rows that take long to load. To be changed with `load`.
   */
  readonly version?: string | number;
  /**
   * Gives the rows. Called once on a machine for the same code and settings, by whoever launches a run: it may read, download, shuffle as
   * it likes, and what it gives is kept. An array may have other lengths in other rows: it is then filled up with zeros to the longest, and
   * an array of its name with `Lengths` behind it says how long it was.
   */
  load(settings: Settings, start: LoadStart): LoadedRows | Promise<LoadedRows>;
}

/**
 * Defines a dataset. What it returns is called with settings:
 *
 * ```ts
 * const squares = defineDataset({
 *   name: 'squares',
 *   load: () => ({ training: { size: 1000, at: (i) => ({ x: Float32Array.of(i), y: Float32Array.of(i * i) }) } }),
 * });
 * ```
 */
export function defineDataset<Schema extends z.ZodObject>(
  definition: Omit<RowsDefinition<z.output<Schema>>, 'settings'> & { readonly settings: Schema },
): (settings?: z.input<Schema>) => DatasetValue<z.output<Schema>>;
/** A dataset whose settings are whatever it is called with. */
export function defineDataset<Settings extends object = Record<string, never>>(
  definition: RowsDefinition<Settings>,
): (settings?: Settings) => DatasetValue<Settings>;
export function defineDataset<Settings extends object>(
  rows: RowsDefinition<Settings>,
): (settings?: Settings) => DatasetValue<Settings> {
  const { name } = rows;
  const definition: DatasetDefinition<Settings> = {
    role: 'dataset',
    name,
    settings: rows.settings,
    open: (settings, place) =>
      place.rows({ name, settings, version: rows.version, load: (start) => rowsOf(rows, settings, start) }),
  };
  return (settings) => defined(definition, settings ?? {});
}

async function rowsOf<Settings extends object>(
  definition: RowsDefinition<Settings>,
  settings: Settings,
  start: LoadStart,
): Promise<LoadedRows> {
  try {
    return await definition.load(settings, start);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const [got = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
    throw new ConfigError(`${definition.name}: expected load to give its rows, got an error: ${got}`, { cause: error });
  }
}

/** Opens a dataset at a place where data can be kept. @throws {ConfigError} */
export function openDataset(value: DatasetValue, place: DataPlace): Promise<Dataset> {
  return definitionOf<DatasetDefinition>(value).open(settingsOf(value), place);
}
