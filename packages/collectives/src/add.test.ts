import { expect, test } from 'vitest';
import { add, addInto } from './add.ts';

const smallestNormal = 2 ** -126;
const magnitudes = [
  [
    0,
    2 ** -149,
    2 ** -127,
    smallestNormal - 2 ** -149,
    smallestNormal,
    smallestNormal + 2 ** -149,
    1.5 * smallestNormal,
  ],
  [2 ** -103, 2 ** -101, 2 ** -100, (1 - 2 ** -24) * 2 ** -100, 2 ** -99, 2 ** -24, 1 - 2 ** -24, 1, 1 + 2 ** -23, 3],
  [2 ** 103, (2 - 2 ** -23) * 2 ** 127, Infinity],
].flat();
const values = magnitudes.flatMap((x) => [x, -x]);

const flush = (x: number): number => (Math.abs(x) < smallestNormal ? 0 : x);
const definition = (x: number, y: number): number => flush(Math.fround(flush(x) + flush(y)));
const bitsOf = (array: Float32Array): Uint32Array => new Uint32Array(array.buffer, array.byteOffset, array.length);

const pairs = values.flatMap((x) => values.map((y) => [x, y] as const));
const left = Float32Array.from(pairs, ([x]) => x);
const right = Float32Array.from(pairs, ([, y]) => y);
const expected = Float32Array.from(pairs, ([x, y]) => definition(x, y));

test('adds with subnormals flushed before and after, bit for bit', () => {
  const out = new Float32Array(pairs.length);
  add(out, left, right);
  expect(bitsOf(out)).toEqual(bitsOf(expected));
});

test('never gives a subnormal or a negative zero', () => {
  const out = new Float32Array(pairs.length);
  add(out, left, right);
  expect([...out].filter((x) => Object.is(x, -0) || (x !== 0 && Math.abs(x) < smallestNormal))).toEqual([]);
});

test('adds in place, to either side', () => {
  const [target, other] = [left.slice(), right.slice()];
  addInto(target, other);
  add(other, left, other);
  expect(bitsOf(target)).toEqual(bitsOf(expected));
  expect(bitsOf(other)).toEqual(bitsOf(expected));
});

test('keeps NaN', () => {
  const out = new Float32Array(2);
  add(out, Float32Array.of(NaN, Infinity), Float32Array.of(1, -Infinity));
  expect([...out]).toEqual([NaN, NaN]);
});
