import { checkOp } from '../../../../test/check-op.ts';
import { add } from './add.ts';

checkOp(add, {
  samples: [
    { shapes: [[1], [1]] },
    {
      shapes: [
        [37, 257],
        [37, 257],
      ],
    },
  ],
  reference: ([a, b]) => a!.map((value, i) => value + b![i]!),
});
