import type { TensorMap } from '@lockstep/nn';
import { expect, test } from 'vitest';
import { normsOf } from './norms.ts';

const map = (values: Record<string, number[]>): TensorMap =>
  new Map(
    Object.entries(values).map(([name, data]) => [name, { shape: [data.length], data: Float32Array.from(data) }]),
  );

test('norms are of each parameter, and of all that a layer has; what is not learned has no gradient', () => {
  const weights = map({ 'h.0.weight': [3, 4], 'h.0.bias': [12], 'fixed.table': [2] });
  const gradients = map({ 'h.0.weight': [0, 8], 'h.0.bias': [6] });
  expect(normsOf(weights, gradients)).toEqual({
    parameters: {
      'h.0.weight': { weight: 5, gradient: 8 },
      'h.0.bias': { weight: 12, gradient: 6 },
      'fixed.table': { weight: 2 },
    },
    layers: { 'h.0': { weight: 13, gradient: 10 }, fixed: { weight: 2 } },
  });
});
