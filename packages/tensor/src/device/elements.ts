// What was read of a tensor, as the numbers that it holds.
import type { TypedArray } from '../dtype.ts';
import { halfToFloat } from '../half.ts';
import type { Tensor } from '../tensor.ts';

/** A tensor's elements from the words that were read. */
export function elementsOf({ dtype, count }: Tensor, words: Float32Array<ArrayBuffer>): TypedArray {
  const { buffer } = words;
  if (dtype === 'u32') return new Uint32Array(buffer, 0, count);
  if (dtype === 'i32') return new Int32Array(buffer, 0, count);
  return dtype === 'f16' ? halfToFloat(new Uint16Array(buffer, 0, count)) : words;
}
