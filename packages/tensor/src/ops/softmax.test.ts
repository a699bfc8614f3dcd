import { checkOp } from '../../../../test/check-op.ts';
import { softmax } from './softmax.ts';

checkOp(softmax, {
  samples: [{ shapes: [[1, 1]] }, { shapes: [[37, 257]] }, { shapes: [[2, 67, 5]] }],
  reference([x], [shape]) {
    const columns = shape!.at(-1)!;
    const sums = Array.from({ length: x!.length / columns }, (_, r) =>
      x!.subarray(r * columns, (r + 1) * columns).reduce((sum, value) => sum + Math.exp(value), 0),
    );
    return x!.map((value, i) => Math.exp(value) / sums[Math.floor(i / columns)]!);
  },
});
