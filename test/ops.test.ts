// All ops on one device, and the proof that none is missing: a new op or kernel fails here until it has its check.
import * as tensor from '@lockstep/tensor';
import { expect, test } from 'vitest';
import { checked } from './check-op.ts';

const files = import.meta.glob('../packages/tensor/src/ops/*.test.ts');
for (const load of Object.values(files)) await load();

test('every op has a check', () => {
  const ops = Object.values(tensor).filter((value) => typeof value === 'function' && 'backward' in value) as unknown as tensor.AnyOp[];
  expect(ops.filter((op) => !checked.has(op)).map(({ name }) => name)).toEqual([]);
});
