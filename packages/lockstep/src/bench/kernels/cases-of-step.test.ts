import { gpt } from '@lockstep/nn';
import { expect, test } from 'vitest';
import { device } from '../../../../../test/gpu.ts';
import { languageOrder } from '../step/language-order.ts';
import { captureStep } from '../step/measure-step.ts';
import { caseOf } from './case-of.ts';
import { casesOfStep } from './cases-of-step.ts';

test('a step consists of cases of the bench, at its own sizes', async () => {
  const model = gpt({ layers: 1, heads: 2, width: 16, context: 8, vocab: 32 });
  const order = languageOrder({ name: 'small', model, batch: 4, context: 8, vocab: 32, shards: 2 });
  const { program } = await captureStep(device, order);
  const names = casesOfStep(program).map(({ op, shape }) => `${op} ${shape}`);
  expect(names).toEqual(
    expect.arrayContaining([
      'embedding 32x32x16',
      'layerNorm 32x16',
      'matmul 32x48x16',
      'attention 4x8x2x8',
      'crossEntropy 32x32',
      'crossEntropy backward 32x32',
      'attention backward 4x8x2x8',
      // Of a weight: of each shard by itself.
      'matmul of a transposed first 16x48x16x2',
    ]),
  );
  expect(new Set(names).size).toBe(names.length);
  for (const { op, shape } of casesOfStep(program)) expect(caseOf(op, shape).flops).toBeGreaterThanOrEqual(0);
});
