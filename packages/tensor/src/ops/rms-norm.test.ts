import { checkOp } from '../../../../test/check-op.ts';
import { rmsNorm } from './rms-norm.ts';

checkOp(rmsNorm, {
  inEveryFamily: 'rows',
  samples: [
    [1, 1],
    [37, 257],
    [2, 67, 5],
    [3, 300],
  ].map((shape) => ({ shapes: [shape, [shape.at(-1)!]], options: { epsilon: 1e-5 } })),
  shared: [1],
  reference([x, weight], [shape], { epsilon }) {
    const columns = shape!.at(-1)!;
    return x!.map((value, i) => {
      const row = x!.subarray(i - (i % columns), i - (i % columns) + columns);
      const square = row.reduce((sum, v) => sum + v ** 2, 0) / columns;
      return (value / Math.sqrt(square + epsilon)) * weight![i % columns]!;
    });
  },
});
