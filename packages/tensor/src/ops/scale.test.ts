import { checkOp } from '../../../../test/check-op.ts';
import { scale } from './scale.ts';

checkOp(scale, {
  samples: [
    { shapes: [[1]], options: { by: -3 } },
    { shapes: [[37, 257]], options: { by: 0.125 } },
  ],
  reference: ([x], _shapes, { by }) => x!.map((value) => by * value),
});
