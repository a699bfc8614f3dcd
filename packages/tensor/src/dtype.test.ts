import { expect, test } from 'vitest';
import { device } from '../../../test/gpu.ts';
import { crossEntropy } from './ops/cross-entropy.ts';
import { dropout } from './ops/dropout.ts';
import { embedding } from './ops/embedding.ts';

test('floats where whole numbers are wanted stop with the name of the op', () => {
  device.scope(() => {
    const floats = device.tensor(new Float32Array(4));
    const table = device.tensor(new Float32Array(4), [4, 1]);
    expect(() => embedding(floats, table)).toThrow('embedding: expected tokens of u32, got f32');
    expect(() => crossEntropy(table, floats, { rows: 4 })).toThrow('crossEntropy: expected targets of u32');
    expect(() => dropout(table, floats, { rate: 0.5, layer: 0 })).toThrow('dropout: expected random of u32');
  });
});
