import { checkOp } from '../../../../test/check-op.ts';
import { reduced } from './reduced.reference.ts';
import { mean, sum } from './sum.ts';

const total = (values: Float64Array): number => values.reduce((sofar, value) => sofar + value, 0);

checkOp(sum, {
  inEveryFamily: 'rows',
  samples: [
    { shapes: [[1]], options: { axis: 0 } },
    { shapes: [[37, 257]], options: { axis: -1, keepAxis: true } },
    { shapes: [[37, 257]], options: { axis: 0 } },
    { shapes: [[3, 37, 5]], options: { axis: [0, 2] } },
    { shapes: [[3, 37, 5]] },
    { shapes: [[3, 0, 5]], options: { axis: 1 } },
    // A hundred chunks.
    { shapes: [[2, 9999, 3]], options: { axis: 1 } },
  ],
  reference: reduced(total),
});

checkOp(sum, {
  dtype: 'i32',
  constant: true,
  samples: [{ shapes: [[5, 70]], options: { axis: 1 } }],
  reference: reduced(total),
});

checkOp(mean, {
  samples: [
    { shapes: [[37, 257]], options: { axis: 0 } },
    { shapes: [[3, 37, 5]], options: { axis: [1, 2], keepAxis: true } },
  ],
  reference: reduced((values) => total(values) / values.length),
});
