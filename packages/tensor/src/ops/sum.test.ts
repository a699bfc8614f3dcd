import { checkOp } from '../../../../test/check-op.ts';
import { reduced } from './axis.reference.ts';
import { sum } from './sum.ts';

checkOp(sum, {
  samples: [
    { shapes: [[1]], options: { axis: 0 } },
    { shapes: [[37, 257]], options: { axis: -1, keepAxis: true } },
    { shapes: [[37, 257]], options: { axis: 0 } },
    { shapes: [[3, 37, 5]], options: { axis: 1 } },
    // A hundred chunks.
    { shapes: [[2, 9999, 3]], options: { axis: 1 } },
  ],
  reference: reduced((values) => values.reduce((total, value) => total + value, 0)),
});
