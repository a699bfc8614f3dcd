import { expect, test } from 'vitest';
import { Tensor, type TensorOwner } from './tensor.ts';

test('half floats are refused before a kernel is written, where the adapter has none', () => {
  const owner = { facts: { f16: false } } as TensorOwner;
  const halves = (): Tensor => new Tensor(owner, { shape: [4], dtype: 'f16' }, { kind: 'elementwise' });
  expect(halves).toThrow(/^tensor: expected f32, i32 or u32 on an adapter without half floats .* got f16\nhint: /);
});
