import { checkOp } from '../../../../test/check-op.ts';
import { siluMul } from './silu-mul.ts';

checkOp(siluMul, {
  samples: [
    { shapes: [[1], [1]] },
    {
      shapes: [
        [37, 257],
        [37, 257],
      ],
    },
  ],
  reference: ([gate, up]) => gate!.map((value, i) => (value / (1 + Math.exp(-value))) * up![i]!),
});
