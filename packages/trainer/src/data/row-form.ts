// What is asked of rows: the same arrays with the same types of elements in each. They may differ in length.
import { ConfigError } from '@lockstep/errors';
import {
  becomes,
  bytesOf,
  type DeviceType,
  deviceTypes,
  type RowArray,
  type StoredType,
  storedTypeOf,
  widthOf,
} from './element-types.ts';
import { type ArrayShapes, isGroup, kindOf, type LoadedRows } from './rows.ts';

/** One of the arrays that each row has. */
export interface ArrayForm {
  readonly name: string;
  readonly stored: StoredType;
  /** Elements of the longest. */
  longest: number;
  /** Whether rows differ in how many they have. */
  ragged: boolean;
  /** Elements that each row has a multiple of: those of all axes of the shape that is asked for, but for a first one of -1. */
  readonly inner: number;
}

/** The arrays of a row in the order of their forms, as bytes. */
export interface RowBytes {
  readonly lengths: readonly number[];
  readonly bytes: readonly Uint8Array[];
}

/** Checks rows as they come, and learns their form: the first row says which arrays there are. */
export class RowForm {
  readonly #who: string;
  readonly #shapes: ArrayShapes;
  #arrays: ArrayForm[] | undefined;

  /** @param who the dataset, for messages. */
  constructor(who: string, { shapes = {} }: Pick<LoadedRows, 'shapes'> = {}) {
    this.#who = who;
    this.#shapes = shapes;
  }

  /** Those of more bytes an element first, so that elements in a row of bytes stand at multiples of their width. */
  get arrays(): readonly ArrayForm[] {
    return this.#arrays ?? [];
  }

  /** @param place what a message calls the row. @throws {ConfigError} for a row of another form than the first. */
  take(row: unknown, place: string): RowBytes {
    const who = `${this.#who}: ${place}`;
    if (!isGroup(row)) throw new ConfigError(`${who}: expected named arrays, got ${kindOf(row)}`);
    this.#arrays ??= formOf(row, this.#shapes, who);
    const other = Object.keys(row).find((name) => !this.#arrays!.some((array) => array.name === name));
    if (other !== undefined) {
      const names = this.#arrays.map(({ name }) => name).join(', ');
      throw new ConfigError(`${who}: expected the arrays of the first row (${names}), got ${JSON.stringify(other)}`);
    }
    const arrays = this.#arrays.map((form) => requireArray(row[form.name], form, who));
    return { lengths: arrays.map(({ length }) => length), bytes: arrays.map(bytesOf) };
  }

  /** The arrays, once all rows have been seen. @throws {ConfigError} for one that has no element in any row. */
  get complete(): readonly ArrayForm[] {
    const empty = this.arrays.find(({ longest }) => longest === 0);
    if (empty) throw new ConfigError(`${this.#who}: ${empty.name}: expected elements in some row, got none`);
    return this.arrays;
  }
}

/** Names of what the trainer adds to each row. */
const added = new Set(['random', 'positions']);

function formOf(row: Record<string, unknown>, shapes: ArrayShapes, who: string): ArrayForm[] {
  const names = Object.keys(row);
  if (names.length === 0) throw new ConfigError(`${who}: expected named arrays, got none`);
  const odd = names.find((name) => !/^[a-z_]\w{0,99}$/i.test(name));
  if (odd !== undefined)
    throw new ConfigError(`${who}: expected names of letters, digits and "_", got ${JSON.stringify(odd)}`);
  const taken = names.find((name) => added.has(name));
  if (taken !== undefined)
    throw new ConfigError(
      `${who}: expected names other than random and positions, which the trainer gives, got ${taken}`,
    );
  const arrays = names.map((name): ArrayForm => {
    const array = requireTyped(row[name], `${who}: ${name}`);
    return { name, stored: storedTypeOf(array)!, longest: array.length, ragged: false, inner: innerOf(shapes[name]) };
  });
  return arrays.toSorted((a, b) => widthOf(b.stored) - widthOf(a.stored));
}

function requireArray(value: unknown, form: ArrayForm, who: string): RowArray {
  const array = requireTyped(value, `${who}: ${form.name}`);
  const type = storedTypeOf(array);
  if (type !== form.stored)
    throw new ConfigError(`${who}: ${form.name}: expected elements of ${form.stored} as in the first row, got ${type}`);
  if (array.length % form.inner !== 0)
    throw new ConfigError(
      `${who}: ${form.name}: expected a multiple of ${form.inner} elements, as its shape says, got ${array.length}`,
    );
  if (array.length !== form.longest) form.ragged = true;
  form.longest = Math.max(form.longest, array.length);
  return array;
}

function innerOf(shape: readonly number[] | undefined): number {
  return shape?.[0] === -1 ? shape.slice(1).reduce((product, length) => product * length, 1) : 1;
}

function requireTyped(value: unknown, who: string): RowArray {
  if (storedTypeOf(value) !== undefined) return value as RowArray;
  throw new ConfigError(
    `${who}: expected a typed array, got ${kindOf(value)}\nhint: Float32Array.from(…), Uint32Array.of(…), or one of fewer bits`,
  );
}

/** The element type of an array for a model. @throws {ConfigError} for one that could not hold all that the array may. */
export function deviceTypeOf({ name, stored }: ArrayForm, wish: unknown, who: string): DeviceType {
  const possible = becomes(stored);
  if (wish === undefined) return possible[0]!;
  const chosen = deviceTypes.find((type) => type === wish);
  if (chosen && possible.includes(chosen)) return chosen;
  throw new ConfigError(
    `${who}: dtypes.${name}: expected ${possible.join(' or ')} of elements of ${stored}, got ${JSON.stringify(wish)}`,
  );
}
