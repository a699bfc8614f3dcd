import { checkOp } from '../../../../test/check-op.ts';
import { crossEntropy } from './cross-entropy.ts';

checkOp(crossEntropy, {
  inEveryFamily: true,
  samples: [
    { shapes: [[1, 1], [1]], options: { rows: 1 } },
    { shapes: [[37, 257], [37]], options: { rows: 148 } },
    { shapes: [[150, 5], [150]], options: { rows: 150 } },
    {
      shapes: [
        [2, 150, 96],
        [2, 150],
      ],
      options: { rows: 300 },
    },
    { shapes: [[3, 50257], [3]], options: { rows: 3 } },
  ],
  // Some targets lie beyond the columns.
  integers: { 1: ([logits]) => logits!.at(-1)! + 1 },
  // The loss of a language model must be within 1e-6 of PyTorch's.
  tolerance: 1e-6,
  reference([logits, targets], [shape], { rows }) {
    const columns = shape!.at(-1)!;
    const losses = Array.from(targets!, (target, r) => {
      if (target >= columns) return 0;
      const row = logits!.subarray(r * columns, (r + 1) * columns);
      const most = row.reduce((a, b) => Math.max(a, b));
      return Math.log(row.reduce((sum, z) => sum + Math.exp(z - most), 0)) + (most - row[target]!);
    });
    return Float64Array.of(losses.reduce((sum, loss) => sum + loss, 0) / rows);
  },
});
