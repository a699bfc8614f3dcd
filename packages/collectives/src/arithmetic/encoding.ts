// What travels between ranks, and how two of it become one: a table from an array's type, the operation and the wire
// format to functions over bytes. Algorithms above see bytes in units; the arithmetic itself is simd/kernels.ts.

import { ArgumentError } from '@lockstep/errors';
import { type BinaryName, combine, convert, type ConvertName, divide, type DivideName } from './simd.ts';

/** What a reduction computes. `mean` is the sum divided by the number of shards. */
export type ReduceOp = 'sum' | 'mean' | 'max' | 'min';

/** Arrays that can be reduced. */
export type Reducible = Float32Array | Int32Array | Uint16Array;

/** What the 16 bits of a `Uint16Array` mean. */
export type HalfType = 'bf16' | 'f16';

/** The type of an array's elements. */
export type DType = 'f32' | 'i32' | HalfType;

/**
 * How f32 travels. With `bf16` and `int8` every node of the tree, leaves included, is rounded to the format, so that the
 * result is as independent of the number of workers as it is with `f32`.
 */
export type Wire = 'f32' | 'bf16' | 'int8';

export const wires: readonly Wire[] = ['f32', 'bf16', 'int8'];

/** Units of bytes that stand for so many elements of the array. */
export interface Encoding {
  readonly name: string;
  readonly elements: number;
  readonly bytes: number;
  /** out = a ∘ b for whole units; `out` may be either of them. */
  readonly combine: (out: Uint8Array, a: Uint8Array, b: Uint8Array) => void;
  /** Both are missing where the array's own bytes travel. The last unit may stand for fewer elements. */
  readonly encode?: (out: Uint8Array, data: Uint8Array, elements: number) => void;
  readonly decode?: (data: Uint8Array, from: Uint8Array, elements: number) => void;
  /** Divides an array (not what travels) by a number. */
  readonly divide: (data: Uint8Array, divisor: number) => void;
}

const suffix = { f32: 'F32', i32: 'I32', bf16: 'Bf16', f16: 'F16' } as const;
const elementBytes = { f32: 4, i32: 4, bf16: 2, f16: 2 } as const;

/** The encoding of a reduction. @throws {ArgumentError} where there is no such arithmetic. */
export function encodingOf(dtype: DType, op: ReduceOp, wire: Wire): Encoding {
  if (op === 'mean' && dtype === 'i32')
    throw new ArgumentError('group: expected sum, max or min of integers, got mean');
  if (wire === 'f32' || dtype !== 'f32') return plain(dtype, op);
  if (op === 'max' || op === 'min')
    throw new ArgumentError(`group: expected a sum or mean over the wire ${wire}, got ${op}`);
  return wire === 'bf16' ? overBf16 : overInt8;
}

function plain(dtype: DType, op: ReduceOp): Encoding {
  const bytes = elementBytes[dtype];
  const kernel = `${op === 'mean' ? 'sum' : op}${suffix[dtype]}` as BinaryName;
  return {
    name: dtype,
    elements: 1,
    bytes,
    combine: (out, a, b) => combine(kernel, bytes, out, a, b),
    divide: (data, divisor) => divide(`divide${suffix[dtype]}` as DivideName, bytes, data, divisor),
  };
}

function compressed(name: Wire, kernel: 'Bf16' | 'Int8', unit: { elements: number; bytes: number }): Encoding {
  return {
    name,
    ...unit,
    combine: (out, a, b) => combine(`sum${kernel}`, unit.bytes, out, a, b),
    encode: (out, data, elements) => convert(`encode${kernel}` satisfies ConvertName, unit, out, data, elements),
    decode: (data, from, elements) => convert(`decode${kernel}` satisfies ConvertName, unit, data, from, elements),
    divide: (data, divisor) => divide('divideF32', 4, data, divisor),
  };
}

const overBf16 = compressed('bf16', 'Bf16', { elements: 1, bytes: 2 });
/** A power of two in one byte, then 32 numbers from −127 to 127. */
const overInt8 = compressed('int8', 'Int8', { elements: 32, bytes: 33 });
