import { checkOp } from '../../../../test/check-op.ts';
import { layerNorm } from './layer-norm.ts';

checkOp(layerNorm, {
  inEveryFamily: 'rows',
  samples: [
    [1, 1],
    [37, 257],
    [2, 67, 5],
    [3, 300],
    [0, 5],
    [3, 0],
  ].map((shape) => ({ shapes: [shape, [shape.at(-1)!], [shape.at(-1)!]], options: { epsilon: 1e-5 } })),
  shared: [1, 2],
  reference([x, weight, bias], [shape], { epsilon }) {
    const columns = shape!.at(-1)!;
    return x!.map((value, i) => {
      const row = x!.subarray(i - (i % columns), i - (i % columns) + columns);
      const mean = row.reduce((sum, v) => sum + v) / columns;
      const variance = row.reduce((sum, v) => sum + (v - mean) ** 2, 0) / columns;
      return ((value - mean) / Math.sqrt(variance + epsilon)) * weight![i % columns]! + bias![i % columns]!;
    });
  },
});
