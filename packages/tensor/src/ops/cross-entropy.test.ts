import { expect, test } from 'vitest';
import { checkOp } from '../../../../test/check-op.ts';
import { device } from '../../../../test/gpu.ts';
import type { Tensor } from '../tensor.ts';
import { crossEntropy } from './cross-entropy.ts';

checkOp(crossEntropy, {
  inEveryFamily: 'rows',
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
    { shapes: [[0, 7], [0]], options: { rows: 3 } },
    {
      shapes: [
        [2, 0, 7],
        [2, 0],
      ],
      options: { rows: 3 },
    },
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

const masked = Object.defineProperty(
  (logits: Tensor, targets: Tensor, mask: Tensor) => crossEntropy(logits, targets, { where: mask }),
  'name',
  { value: 'crossEntropy of some rows' },
);

checkOp(masked, {
  samples: [
    {
      shapes: [
        [2, 9, 7],
        [2, 9],
        [2, 9],
      ],
    },
    { shapes: [[1, 7], [1], [1]] },
  ],
  integers: { 1: () => 7, 2: () => 2 },
  judgesNaN: false,
  reference([logits, targets, mask], [shape]) {
    const columns = shape!.at(-1)!;
    const losses = Array.from(targets!, (target, r) => {
      const row = logits!.subarray(r * columns, (r + 1) * columns);
      return mask![r] ? Math.log(row.reduce((sum, z) => sum + Math.exp(z), 0)) - row[target]! : 0;
    });
    const kept = Math.max(
      1,
      mask!.reduce((sum, one) => sum + one, 0),
    );
    return [losses.reduce((sum, loss) => sum + loss, 0) / kept];
  },
});

test('the mean of no row is 0, and not NaN', async () => {
  const [logits, targets] = [device.tensor(Float32Array.of(1, 2), [1, 2]), device.tensor(Uint32Array.of(0), [1])];
  const loss = device.scope(() => crossEntropy(logits, targets, { where: device.tensor(Uint32Array.of(0), [1]) }));
  expect(await loss.item()).toBe(0);
  expect(() => crossEntropy(logits, targets, { where: logits })).toThrow(
    /^crossEntropy: expected `where` of the shape of targets, got \[1\] and \[1, 2\]$/,
  );
  for (const tensor of [logits, targets, loss]) tensor.dispose();
});

test('a mean over no rows divides by 1, never by 0', async () => {
  const [logits, targets] = [device.tensor(new Float32Array(10), [2, 5]), device.tensor(new Uint32Array(2))];
  expect(await crossEntropy(logits, targets, { rows: 0 }).item()).toBeCloseTo(2 * Math.log(5), 5);
});
