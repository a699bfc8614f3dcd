import { expect, test } from 'vitest';
import { toFloat32 } from './to-float32.ts';

const everyPattern = Uint16Array.from({ length: 65536 }, (_, i) => i);
const everyPatternBytes = new Uint8Array(everyPattern.buffer);

/** The definition of IEEE binary16, in doubles. */
function valueOfHalf(pattern: number): number {
  const sign = pattern >>> 15 ? -1 : 1;
  const exponent = (pattern >>> 10) & 31;
  const fraction = (pattern & 1023) / 1024;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent === 0 ? 2 ** -14 * fraction : 2 ** (exponent - 15) * (1 + fraction));
}

test('all 65,536 F16 numbers are widened exactly', () => {
  const widened = toFloat32(everyPatternBytes, 'F16');
  expect(everyPattern.findIndex((pattern) => !Object.is(widened[pattern], valueOfHalf(pattern)))).toBe(-1);
});

test('all BF16 numbers are the upper halves of the f32 numbers', () => {
  const bits = new Uint32Array(toFloat32(everyPatternBytes, 'BF16').buffer);
  expect(bits.every((word, i) => word === i * 65536)).toBe(true);
});

test('F32 is copied from any alignment', () => {
  const bytes = new Uint8Array([9, ...new Uint8Array(Float32Array.of(1.5, -2).buffer)]);
  expect([...toFloat32(bytes.subarray(1), 'F32')]).toEqual([1.5, -2]);
});

test('F64 is rounded to the nearest f32, and beyond all of them to an infinity', () => {
  const bytes = new Uint8Array(Float64Array.of(0.1, 1 + 2 ** -24, 1e39, NaN).buffer);
  expect([...toFloat32(bytes, 'F64')]).toEqual([Math.fround(0.1), 1, Infinity, NaN]);
});
