// What a dataset's `load` gives. That rows are alike is checked as they come, in `row-form.ts`.
import type { Facts } from '@lockstep/nn';
import { ConfigError } from '@lockstep/errors';
import type { DeviceType, RowArray } from './element-types.ts';

/** Rows, one by one, in any order. */
export interface Rows {
  readonly size: number;
  /** Row `index`: the same bytes whenever it is asked for. Only the launcher asks, so it may read files and take its time. */
  at(index: number): Readonly<Record<string, RowArray>> | Promise<Readonly<Record<string, RowArray>>>;
}

/** The shapes that rows' arrays have for a model. The first axis may be -1: as long as the row's array is. */
export type ArrayShapes = Readonly<Record<string, readonly number[]>>;

/** What the `load` of a dataset gives: rows to train on, perhaps rows to validate on, and what their arrays are for the model. */
export interface LoadedRows {
  readonly training: Rows;
  readonly validation?: Rows | undefined;
  /**
   * Shapes of arrays for the model, such as `{ image: [1, 28, 28] }`, or `{ frames: [-1, 64] }` where rows differ in length; flat
   * unless given, and a number where all have one element.
   */
  readonly shapes?: ArrayShapes | undefined;
  /**
   * Element types for the model, where others than usual: arrays of 8 or 16 bits are kept as they are, and become `u32` or `i32`, or `f32`
   * where that is said here.
   */
  readonly dtypes?: Readonly<Record<string, DeviceType>> | undefined;
  /** What a model's `create` is told. JSON can hold it. */
  readonly facts?: Facts | undefined;
}

/** Refuses what `load` must not give. @throws {ConfigError} */
export function requireLoaded(loaded: unknown, who: string): asserts loaded is LoadedRows {
  if (!isGroup(loaded))
    throw new ConfigError(`${who}: expected load to give { training, validation }, got ${kindOf(loaded)}`);
  const { training, validation, facts = {} } = loaded;
  requireRows(training, `${who}: training`);
  if (training.size === 0) throw new ConfigError(`${who}: expected rows to train on, got none`);
  if (validation !== undefined) requireRows(validation, `${who}: validation`);
  if (!isGroup(facts) || !isJson(facts)) throw new ConfigError(`${who}: expected facts that JSON can hold, got others`);
  for (const [name, shape] of Object.entries(loaded['shapes'] ?? {})) requireShape(shape, `${who}: shapes.${name}`);
}

function requireRows(rows: unknown, who: string): asserts rows is Rows {
  if (!isGroup(rows) || typeof rows['at'] !== 'function')
    throw new ConfigError(`${who}: expected rows, { size, at(index) }, got ${kindOf(rows)}`);
  const { size } = rows;
  if (!Number.isSafeInteger(size) || (size as number) < 0)
    throw new ConfigError(
      `${who}: expected a size that is a whole number, got ${typeof size === 'number' ? size : kindOf(size)}`,
    );
}

function requireShape(shape: unknown, who: string): void {
  const isAxis = (length: unknown, axis: number): boolean =>
    Number.isSafeInteger(length) && ((length as number) > 0 || (length === -1 && axis === 0));
  if (Array.isArray(shape) && shape.every(isAxis)) return;
  const got = Array.isArray(shape) ? `[${shape.join(', ')}]` : kindOf(shape);
  throw new ConfigError(`${who}: expected lengths of axes, of which the first may be -1, got ${got}`);
}

/** Whether JSON gives it back as it is. */
function isJson(value: unknown): boolean {
  if (value === null || ['string', 'boolean', 'undefined'].includes(typeof value)) return true;
  if (typeof value === 'number') return Number.isFinite(value);
  if (Array.isArray(value)) return value.every(isJson);
  return (
    isGroup(value) &&
    [Object.prototype, null].includes(Object.getPrototypeOf(value)) &&
    Object.values(value).every(isJson)
  );
}

export const isGroup = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;

/** What a message calls a value that is none of those expected. */
export function kindOf(value: unknown): string {
  if (value === undefined || value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? (value.constructor?.name ?? 'an object') : `a ${typeof value}`;
}
