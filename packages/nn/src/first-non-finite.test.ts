import { expect, test } from 'vitest';
import { firstNonFinite } from './first-non-finite.ts';

test.each([NaN, Infinity, -Infinity])('the first of several that are not finite is found, here %d', (value) => {
  expect(firstNonFinite(Float32Array.of(1, 2, value, NaN, 3))).toBe(2);
});

test('the largest, the smallest and zeros of either sign are numbers', () => {
  const values = Float32Array.of(3.4028234663852886e38, -3.4028234663852886e38, 1e-45, -1e-45, 0, -0);
  expect(firstNonFinite(values)).toBe(-1);
  expect(firstNonFinite(new Float32Array())).toBe(-1);
});

test('a view is searched within its own bounds', () => {
  const values = Float32Array.of(NaN, 1, 2, NaN);
  expect(firstNonFinite(values.subarray(1, 3))).toBe(-1);
  expect(firstNonFinite(values.subarray(2))).toBe(1);
});
