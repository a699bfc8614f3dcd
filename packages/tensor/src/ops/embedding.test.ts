import { checkOp } from '../../../../test/check-op.ts';
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
  // One token beyond the table, too.
  integers: { 0: ([, table]) => table![0]! + 1 },
  weights: [1],
  reference([tokens, table], [, shape]) {
    const columns = shape![1]!;
    return Float64Array.from(
      [...tokens!].flatMap((token) => Array.from({ length: columns }, (_, c) => table![token * columns + c] ?? 0)),
    );
  },
});
