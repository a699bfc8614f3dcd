// What is said of numbers that are none: which it is, and where.
import type { TensorMap } from '@lockstep/nn';
import { expect, test } from 'vitest';
import { gradientsDiverged, requireFinite, stateDiverged } from './soundness.ts';

const tensors = (entries: Record<string, number[]>): TensorMap =>
  new Map(
    Object.entries(entries).map(([name, data]) => [name, { shape: [data.length], data: Float32Array.from(data) }]),
  );
const firstLine = ({ message }: Error): string => message.split('\n')[0]!;

test('the first gradient that is not finite is named, in the order of parameters', () => {
  const gradients = tensors({ 'h.0.weight': [1, 2], 'h.0.bias': [0, -Infinity, NaN], 'h.1.weight': [NaN] });
  expect(firstLine(gradientsDiverged(3, NaN, gradients))).toBe(
    'train: expected finite gradients in step 3, got -Infinity in h.0.bias[1]',
  );
});

test('where all gradients are finite and their norm is not, the largest is named', () => {
  expect(firstLine(gradientsDiverged(3, Infinity, tensors({ a: [1, 2], b: [3, -2e30, 2e29] })))).toBe(
    `train: expected a gradient whose norm f32 can hold in step 3, got Infinity; the largest element is ${Math.fround(-2e30)} in b[1]`,
  );
});

test('what an optimizer remembers is judged like the weights, and after them', () => {
  const [weights, optimizer] = [tensors({ a: [1] }), new Map([['square', tensors({ a: [Infinity] })]])];
  expect(firstLine(stateDiverged({ step: 9, weights, optimizer }))).toBe(
    "train: expected finite values of the optimizer's square after step 9, got Infinity in a[0]",
  );
  expect(firstLine(stateDiverged({ step: 9, weights: tensors({ a: [NaN] }), optimizer }))).toBe(
    'train: expected finite weights after step 9, got NaN in a[0]',
  );
});

test('what f32 makes infinite is not finite', () => {
  expect(() => requireFinite('loss', 3.4e38)).not.toThrow();
  expect(() => requireFinite('loss', 3.5e38)).toThrow('expected a finite loss, got 3.5e+38');
});
