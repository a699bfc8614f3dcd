import type { Tensor } from '@lockstep/tensor';
import { expect, test } from 'vitest';
import { checkOp } from '../../../../test/check-op.ts';
import { device } from '../../../../test/gpu.ts';
import { embedding } from './embedding.ts';

checkOp(embedding, {
  samples: [
    { shapes: [[1], [1, 1]] },
    { shapes: [[37], [257, 5]] },
    {
      shapes: [
        [2, 150],
        [11, 130],
      ],
    },
  ],
  integers: { 0: ([, table]) => table![0]! },
  weights: [1],
  reference([tokens, table], [, shape]) {
    const columns = shape![1]!;
    return Float64Array.from(
      [...tokens!].flatMap((token) => Array.from({ length: columns }, (_, c) => table![token * columns + c] ?? 0)),
    );
  },
});

test('a token beyond the table gives zeros, and no gradient to any row of any shard', async () => {
  const [tokens, table] = [
    device.tensor(Uint32Array.of(2, 1, 1, 0xffffffff)),
    device.tensor(Float32Array.of(3, 4), [2, 1]),
  ];
  const { y, gradient } = device.scope(() => {
    const y = embedding(tokens, table);
    const dy = device.tensor(Float32Array.of(10, 20, 30, 40), y.shape);
    const context = { inputs: [tokens, table] as [Tensor, Tensor], y, saved: [], dy, needs: [false, true], shards: 2 };
    return { y, gradient: embedding.backward(device, context)[1]! };
  });
  expect([...(await y.read())]).toEqual([0, 4, 4, 0]);
  expect([...(await gradient.read())]).toEqual([0, 20, 0, 30]); // (shards, V)
  for (const tensor of [tokens, table, y, gradient]) tensor.dispose();
});
