import { expect, it } from 'vitest';
import { fillKnown, findMistakes } from './known-values.ts';

/** The sum of what ranks give. */
function sumOf(ranks: readonly number[], length = 300): Float32Array {
  const [sum, values] = [new Float32Array(length), new Float32Array(length)];
  for (const rank of ranks) {
    fillKnown(values, rank);
    values.forEach((value, i) => (sum[i]! += value));
  }
  return sum;
}

it.each(['f32', 'bf16', 'int8'] as const)(
  'knows the sum, and finds a rank that is missing or counted twice: %s',
  (wire) => {
    expect(findMistakes(sumOf([0, 1, 2]), { size: 3, wire })).toBeUndefined();
    for (const ranks of [
      [0, 1],
      [1, 2],
      [0, 1, 2, 2],
    ])
      expect(findMistakes(sumOf(ranks), { size: 3, wire })!.count).toBeGreaterThan(0);
  },
);

it('tells which element is wrong', () => {
  const sums = sumOf([0, 1]);
  sums[5] = 17;
  sums[7] = NaN;
  expect(findMistakes(sums, { size: 2, wire: 'f32' })).toEqual({ count: 2, index: 5, expected: 18, got: 17 });
});
