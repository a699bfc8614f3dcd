import { openDevice } from '@lockstep/tensor/node';
import { expect, test } from 'vitest';
import { checkOp } from '../../../../test/check-op.ts';
import { device } from '../../../../test/gpu.ts';
import type { Tensor } from '../tensor.ts';
import { rmsNorm } from './rms-norm.ts';
import { split } from './split.ts';

const epsilon = 1e-5;

function normalised(x: Float64Array, columns: number): Float64Array {
  return x.map((value, i) => {
    const row = x.subarray(i - (i % columns), i - (i % columns) + columns);
    return value / Math.sqrt(row.reduce((sum, v) => sum + v ** 2, 0) / columns + epsilon);
  });
}

checkOp(rmsNorm, {
  inEveryFamily: 'rows',
  samples: [
    [1, 1],
    [37, 257],
    [2, 67, 5],
    [3, 300],
    [0, 5],
    [3, 0],
  ].map((shape) => ({ shapes: [shape, [shape.at(-1)!]], options: { epsilon } })),
  shared: [1],
  reference([x, weight], [shape]) {
    const columns = shape!.at(-1)!;
    return normalised(x!, columns).map((value, i) => value * weight![i % columns]!);
  },
});

/** Queries and keys of a projection (B, T, 3·2·5), head by head: rows that lie apart. */
function rmsNormOfHeads(qkv: Tensor): Tensor {
  const [, keys] = split(qkv, 3, { heads: 2 }) as [Tensor, Tensor, Tensor]; // (B, 2, T, 5)
  return rmsNorm(keys, { epsilon });
}

checkOp(rmsNormOfHeads, {
  inEveryFamily: 'rows',
  samples: [{ shapes: [[2, 3, 30]] }],
  reference([x]) {
    const rows = Array.from(
      { length: 2 * 2 * 3 },
      (_, i) => [Math.floor(i / 6), Math.floor(i / 3) % 2, i % 3] as const,
    );
    const keys = rows.flatMap(([b, head, t]) => [...x!.subarray((b * 3 + t) * 30 + 10 + 5 * head).subarray(0, 5)]);
    return normalised(Float64Array.from(keys), 5);
  },
});

test('rows that lie apart are read where they lie, and copied where they cannot be bound at once', async () => {
  const narrow = await openDevice({ limits: { maxStorageBufferBindingSize: 1024 } });
  const values = Float32Array.from({ length: 90 * 8 }, (_, i) => Math.sin(i));
  const results: unknown[] = [];
  for (const on of [device, narrow]) {
    const x = on.tensor(values, [90, 8]);
    const program = await on.capture(() => rmsNorm(split(x, 2)[1]!));
    const kernels = program.dispatches.map(({ kernel }) => kernel);
    expect(kernels.includes('rmsNorm_rowsApart')).toBe(on === device);
    results.push((await on.submit([program, program.result]))[0]);
  }
  expect(results[1]).toEqual(results[0]);
  await narrow.close();
});
