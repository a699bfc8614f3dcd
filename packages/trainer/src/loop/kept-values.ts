// What a script keeps between its steps, as bytes: plain values, also those that JSON loses. What comes back is data and never code.
import { CheckpointError, ConfigError } from '@lockstep/errors';
import { Packr } from 'msgpackr';

/** Plain values by name: numbers (Infinity and NaN, too), bigints, texts, booleans, null, arrays and typed arrays of them, objects. */
export type KeptState = Readonly<Record<string, unknown>>;

/** A script's state is for control; data goes into a dataset. */
const mostBytes = 16 * 2 ** 20;

const packr = new Packr({ useRecords: false, moreTypes: true, copyBuffers: true });

/** @throws {ConfigError} naming the path of what cannot be kept. */
export function encodeKept(state: KeptState): Uint8Array<ArrayBuffer> {
  requirePlain(state, 'trainer.state', (message) => new ConfigError(message));
  const bytes = Uint8Array.from(packr.pack(sorted(state)));
  if (bytes.length <= mostBytes) return bytes;
  throw new ConfigError(`trainer.state: expected at most ${mostBytes} bytes, got ${bytes.length}`);
}

/** @throws {CheckpointError} for bytes that are no such state. */
export function decodeKept(bytes: Uint8Array, path: string): Record<string, unknown> {
  const refuse = (got: string): CheckpointError =>
    new CheckpointError(`${path}: expected the state of a script, got ${got}`);
  let value: unknown;
  try {
    if (bytes.length <= mostBytes) value = packr.unpack(bytes);
  } catch {
    throw refuse('other bytes');
  }
  if (!isPlainObject(value)) throw refuse('other bytes');
  requirePlain(value, 'state', refuse);
  return value;
}

const typedArrays = [
  Uint8Array,
  Int8Array,
  Uint16Array,
  Int16Array,
  Uint32Array,
  Int32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
];

function requirePlain(value: unknown, path: string, refuse: (message: string) => Error, within: object[] = []): void {
  if (value === null || ['number', 'bigint', 'string', 'boolean', 'undefined'].includes(typeof value)) return;
  if (typedArrays.some((one) => value instanceof one)) return;
  if (!Array.isArray(value) && !isPlainObject(value))
    throw refuse(`${path}: expected a plain value, got ${describe(value)}`);
  if (within.includes(value)) throw refuse(`${path}: expected a value, got one that holds itself`);
  for (const [name, inner] of Object.entries(value))
    requirePlain(inner, Array.isArray(value) ? `${path}[${name}]` : `${path}.${name}`, refuse, [...within, value]);
}

const isPlainObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && [Object.prototype, null].includes(Object.getPrototypeOf(value));

const describe = (value: unknown): string =>
  typeof value === 'object' ? `a ${value?.constructor?.name ?? 'thing'}` : `a ${typeof value}`;

/** The same bytes in whatever order names were written. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isPlainObject(value)) return value;
  const names = Object.keys(value).toSorted((a, b) => (a < b ? -1 : 1));
  return Object.fromEntries(names.map((name) => [name, sorted(value[name])]));
}
