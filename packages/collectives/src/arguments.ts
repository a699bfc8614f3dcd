// Checks what a call of a group is given before anything of it is sent, so that what is wrong is refused with what was
// expected, and by one kind of error.

import type { DType, HalfType, Reducible } from './arithmetic/encoding.ts';
import type { Elements } from './call-channel.ts';
import { ArgumentError } from '@lockstep/errors';
import { gatherTag } from './messages.ts';
import type { MovedType } from './signature.ts';

const movedTypes = { Float32Array: 'f32', Int32Array: 'i32', Uint16Array: 'u16', Uint8Array: 'u8' } as const;

/** A value in a few words. */
function wordsFor(value: unknown): string {
  if (value === undefined) return 'none';
  if (typeof value === 'object' && value !== null) return Object.prototype.toString.call(value).slice(8, -1);
  return `${String(value as string)} (${typeof value})`;
}

/** The type of an array's elements. It may have been made in another realm. @throws {ArgumentError} for anything else. */
export function checkElements(
  who: string,
  what: string,
  value: unknown,
): Exclude<MovedType, DType | 'none'> | 'f32' | 'i32' {
  const type = ArrayBuffer.isView(value) ? movedTypes[tagOf(value) as keyof typeof movedTypes] : undefined;
  if (!type)
    throw new ArgumentError(
      `${who}: expected ${what} to be a Float32Array, an Int32Array, a Uint16Array or a Uint8Array, got ${wordsFor(value)}`,
    );
  checkBuffer(who, what, (value as Elements).buffer);
  return type;
}

const tagOf = (value: ArrayBufferView): string => (value as Elements)[Symbol.toStringTag];

/** Memory that stays where it is, and as long as it is, while a call has it. */
function checkBuffer(who: string, what: string, buffer: ArrayBufferLike): void {
  if (('resizable' in buffer && buffer.resizable) || ('growable' in buffer && buffer.growable))
    throw new ArgumentError(`${who}: expected ${what} over a buffer of fixed length, got a resizable one`);
  try {
    new Uint8Array(buffer, 0, 0);
  } catch {
    throw new ArgumentError(`${who}: expected ${what} with its memory, got an array whose buffer was transferred`);
  }
}

/** The type of an array that is to be reduced. @throws {ArgumentError} */
export function checkReducible(who: string, what: string, value: unknown, half: HalfType): DType {
  const type = checkElements(who, what, value);
  if (type === 'f32' || type === 'i32') return type;
  if (type === 'u16') return half;
  throw new ArgumentError(
    `${who}: expected ${what} to be a Float32Array, an Int32Array or a Uint16Array, got a Uint8Array`,
  );
}

/** @throws {ArgumentError} unless `array` is of type `type`, and has `length` elements where that is given. */
export function checkLike(who: string, what: string, value: unknown, type: MovedType, length?: number): void {
  const own = checkElements(who, what, value);
  if (own !== type) throw new ArgumentError(`${who}: expected ${what} of ${type}, as the data is, got ${own}`);
  const array = value as Elements;
  if (length !== undefined && array.length !== length)
    throw new ArgumentError(`${who}: expected ${length} elements in ${what}, got ${array.length}`);
}

/** Whether two arrays are the same stretch of memory. */
function isSame(a: Elements, b: Elements): boolean {
  return a.buffer === b.buffer && a.byteOffset === b.byteOffset && a.byteLength === b.byteLength;
}

/** @throws {ArgumentError} where two arrays share some memory. */
export function checkApart(
  who: string,
  [what, a]: readonly [string, Elements],
  [other, b]: readonly [string, Elements],
): void {
  const isApart =
    a.buffer !== b.buffer || a.byteOffset + a.byteLength <= b.byteOffset || b.byteOffset + b.byteLength <= a.byteOffset;
  if (isApart || a.byteLength === 0 || b.byteLength === 0) return;
  throw new ArgumentError(`${who}: expected ${what} and ${other} to share no memory, got arrays that overlap`);
}

/** @throws {ArgumentError} unless `value` is a whole number from `least` to below `end`. */
export function checkWhole(who: string, what: string, value: unknown, least: number, end: number): void {
  if (Number.isInteger(value) && (value as number) >= least && (value as number) < end) return;
  const range = least === 0 ? `below ${end}` : `from ${least} to ${end - 1}`;
  throw new ArgumentError(`${who}: expected a ${what} ${range}, got ${wordsFor(value)}`);
}

/** @throws {ArgumentError} unless `value` is one of `choices`. */
export function checkChoice<T extends string>(who: string, what: string, value: unknown, choices: readonly T[]): void {
  if (choices.includes(value as T)) return;
  throw new ArgumentError(`${who}: expected the ${what} to be one of ${choices.join(', ')}, got ${wordsFor(value)}`);
}

/** @throws {ArgumentError} unless `options` are options. */
export function checkOptions(who: string, options: unknown): void {
  if (typeof options === 'object' && options !== null) return;
  throw new ArgumentError(`${who}: expected options in an object, got ${wordsFor(options)}`);
}

/** @throws {ArgumentError} unless `array` is one. */
export function lengthOf(who: string, what: string, array: Elements): number {
  checkElements(who, what, array);
  return array.length;
}

/** The root that a call asks for, 0 by default. @throws {ArgumentError} unless it is a rank. */
export function checkedRoot(who: string, options: { readonly root?: number }, size: number): number {
  checkOptions(who, options);
  const { root = 0 } = options;
  checkWhole(who, 'root', root, 0, size);
  return root;
}

/** The tag that a caller asks for, 0 by default. @throws {ArgumentError} unless it is a caller's own. */
export function checkedTag(who: string, options: { readonly tag?: number }): number {
  checkOptions(who, options);
  const { tag = 0 } = options;
  if (Number.isInteger(tag) && tag >= 0 && tag < gatherTag) return tag;
  throw new ArgumentError(`${who}: expected a tag from 0 to 2³⁰ − 2, got ${wordsFor(tag)}`);
}

/** Numbers of a list that a message shows. */
const mostShown = 16;

/** @throws {ArgumentError} unless bounds cut a whole into one part for each rank, in order. */
export function checkBounds(
  who: string,
  bounds: readonly number[] | undefined,
  { length, unit, size }: { length: number; unit: number; size: number },
): void {
  if (bounds === undefined) return;
  const isBound = (bound: unknown, i: number): boolean =>
    Number.isInteger(bound) && (bound as number) >= (bounds[i - 1] ?? 0) && isMultiple(bound as number);
  const isMultiple = (bound: number): boolean => bound === length || bound % unit === 0;
  const isList = Array.isArray(bounds);
  if (isList && bounds.length === size + 1 && bounds.every(isBound) && bounds[0] === 0 && bounds[size] === length)
    return;
  const multiples = unit > 1 ? `, multiples of ${unit}` : '';
  const got = isList
    ? `[${bounds.slice(0, mostShown).join(', ')}${bounds.length > mostShown ? ', …' : ''}]`
    : wordsFor(bounds);
  throw new ArgumentError(
    `${who}: expected ${size + 1} bounds from 0 to ${length} in ascending order${multiples}, got ${got}`,
  );
}

/** What is written is of the same kind as what is read; it may be this rank's `place` in one, and nothing else of it. */
export function checkOutput<T extends Reducible>(
  who: string,
  values: readonly T[],
  output: T,
  place: (value: T) => T,
): void {
  checkLike(who, 'out', output, checkElements(who, 'a node', values[0]), place(values[0]!).length);
  for (const value of values) if (!isSame(place(value), output)) checkApart(who, ['a node', value], ['out', output]);
}
