import { checkOp } from '../../../../test/check-op.ts';
import { softmax } from './softmax.ts';

checkOp(softmax, {
  inEveryFamily: 'rows',
  samples: [
    { shapes: [[1, 1]] },
    { shapes: [[37, 257]] },
    { shapes: [[2, 67, 5]] },
    { shapes: [[0, 5]] },
    { shapes: [[3, 0]] },
  ],
  reference([x], [shape]) {
    const columns = shape!.at(-1)!;
    const rows = Array.from({ length: x!.length / columns }, (_, r) => x!.subarray(r * columns, (r + 1) * columns));
    return Float64Array.from(
      rows.flatMap((row) => {
        const most = Math.max(...row);
        const sum = row.reduce((total, value) => total + Math.exp(value - most), 0);
        return Array.from(row, (value) => Math.exp(value - most) / sum);
      }),
    );
  },
});
