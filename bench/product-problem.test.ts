import { expect, test } from 'vitest';
import { checkProducts, productProblem } from './product-problem.ts';

/** The first row of a·b·b… in f32, as a library would compute it. */
function row(n: number, count: number): Float32Array {
  const [a, b] = productProblem(n);
  let x = a.slice(0, n);
  for (let product = 0; product < count; product++) {
    const next = new Float32Array(n);
    for (let k = 0; k < n; k++) for (let j = 0; j < n; j++) next[j]! += x[k]! * b[k * n + j]!;
    x = next;
  }
  return x;
}

test('a right chain is right however long, and does not grow', () => {
  for (const count of [1, 2, 64]) checkProducts('a library', { n: 48, count, row: row(48, count) });
  const largest = Math.max(...row(48, 64).map(Math.abs));
  expect(largest).toBeGreaterThan(1e-3);
  expect(largest).toBeLessThan(1e3);
});

test.each([
  ['one product too few', row(48, 63)],
  ['an element that is off', row(48, 64).map((value, i) => (i === 7 ? 1.1 * value + 0.1 : value))],
  ['not a number', row(48, 64).map((value, i) => (i === 47 ? NaN : value))],
  ['a row that is too short', row(48, 64).slice(0, 47)],
])('%s has no time', (_what, wrong) => {
  expect(() => checkProducts('a library', { n: 48, count: 64, row: wrong })).toThrow(
    /^bench: a library is wrong after 64 products of 48 × 48: element \d+ is \S+ and not \S+; no time is printed$/,
  );
});
