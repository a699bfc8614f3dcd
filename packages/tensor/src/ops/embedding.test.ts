import { expect, test } from 'vitest';
import { checkOp } from '../../../../test/check-op.ts';
import { device } from '../../../../test/gpu.ts';
import { withGradients } from '../autograd/differentiate.ts';
import type { Tensor } from '../tensor.ts';
import { embedding } from './embedding.ts';

checkOp(embedding, {
  inEveryFamily: 'rows',
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
  shared: [1],
  reference([tokens, table], [, shape]) {
    const columns = shape![1]!;
    return Float64Array.from(
      [...tokens!].flatMap((token) => Array.from({ length: columns }, (_, c) => table![token * columns + c] ?? 0)),
    );
  },
});

test('a token beyond the table gives zeros, and no gradient to any row of any shard', async () => {
  const [tokens, table] = [
    device.tensor(Uint32Array.of(2, 1, 1, 0xffffffff), [2], { shards: 2 }),
    device.tensor(Float32Array.of(3, 4), [2, 1]),
  ];
  const seed = (): Tensor => device.tensor(Float32Array.of(10, 20, 30, 40), [2, 1], { shards: 2 });
  const { loss, gradients } = withGradients(device, () => embedding(tokens, table), { wanted: [table], seed });
  expect([...(await loss.read())]).toEqual([0, 4, 4, 0]);
  expect([...(await gradients[0]!.read())]).toEqual([0, 20, 0, 30]); // (V, 1) of both shards
  for (const tensor of [tokens, table, loss, gradients[0]!]) tensor.dispose();
});
