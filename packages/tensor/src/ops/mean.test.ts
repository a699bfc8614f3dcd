import { checkOp } from '../../../../test/check-op.ts';
import { reduced } from './axis.reference.ts';
import { mean } from './mean.ts';

checkOp(mean, {
  samples: [
    { shapes: [[1, 1]], options: { axis: 1 } },
    { shapes: [[37, 257]], options: { axis: 1 } },
    { shapes: [[3, 37, 5]], options: { axis: -2, keepAxis: true } },
  ],
  reference: reduced((values) => values.reduce((total, value) => total + value, 0) / values.length),
});
