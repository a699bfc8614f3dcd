import { expect, test } from 'vitest';
import { corrections, makeProblem, sizes } from './problem.ts';

test('a problem is the same each time it is made, and another for another seed', () => {
  const tiny = { vocab: 5, context: 3, batch: 2, layers: 1, heads: 1, width: 4 };
  expect(makeProblem(tiny)).toEqual(makeProblem(tiny));
  expect(makeProblem(tiny, 2)).not.toEqual(makeProblem(tiny, 1));
});

test('targets are the tokens one place on', () => {
  const { tokens, targets } = makeProblem(sizes.S);
  const { batch, context } = sizes.S;
  for (let b = 0; b < batch; b++) {
    const row = (ids: Int32Array) => ids.subarray(b * context, (b + 1) * context);
    expect(row(targets).subarray(0, -1)).toEqual(row(tokens).subarray(1));
  }
});

test('weights are normal with the standard deviation of GPT-2, smaller where a projection ends a residual branch', () => {
  const { weights } = makeProblem(sizes.S);
  expect(deviation(weights['transformer.h.0.mlp.c_fc.weight']!.data)).toBeCloseTo(0.02, 3);
  expect(deviation(weights['transformer.h.0.mlp.c_proj.weight']!.data)).toBeCloseTo(0.02 / Math.sqrt(8), 3);
});

test('the folded corrections are those of Adam', () => {
  const [m, v, step] = [0.3, 0.002, 3];
  const plain = (1e-3 * (m / (1 - 0.9 ** step))) / (Math.sqrt(v / (1 - 0.95 ** step)) + 1e-8);
  const [rate, eps] = corrections(step);
  expect((rate * m) / (Math.sqrt(v) + eps)).toBeCloseTo(plain, 12);
});

function deviation(values: Float32Array): number {
  const mean = values.reduce((a, b) => a + b) / values.length;
  return Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length);
}
