// Root-mean-square normalisation over the last axis.
import { rmsNormBackward, rmsNorm as kernel, rmsNormWeightBackward } from '@lockstep/kernels';
import { addChunks, chunkLength } from '../column-sums.ts';
import type { Device } from '../device.ts';
import { defineOp, type Op } from '../op.ts';
import { rowTeams } from '../row-teams.ts';
import { columnsOf, expectShape, rowsOf, sameShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';

/** @property epsilon added to the mean square before its root; Llama has 1e-5 or 1e-6. */
export interface RmsNormOptions {
  readonly epsilon: number;
}

/** `x / √(mean(x²) + epsilon) · weight` of each row of `x` (…, C); `weight` is (C). Zhang & Sennrich 2019. @throws {ShapeError} */
export const rmsNorm: Op<[x: Tensor, weight: Tensor], RmsNormOptions> = defineOp({
  name: 'rmsNorm',
  arity: 2,
  shape([x, weight]) {
    expectShape(x.length > 0 && sameShape(weight, [columnsOf(x)]), 'rmsNorm', '(…, C) and (C)', x, weight);
    return x;
  },
  forward(device, [x, weight], y, { epsilon }) {
    const [rows, columns] = [rowsOf(x.shape), columnsOf(x.shape)];
    const rstd = device.empty([rows]);
    const { workgroups, constants } = rowTeams(device, rows, columns);
    device.run(kernel, { x, weight, y, rstd }, { rows, columns, epsilon }, workgroups, constants);
    return [rstd];
  },
  backward(device, { inputs: [x, weight], saved, dy, needs, shards }) {
    const rstd = saved[0]!;
    return [
      needs[0] ? inputGradient(device, { x, weight, rstd, dy }) : undefined,
      needs[1] ? weightGradient(device, { x, rstd, dy, shards }) : undefined,
    ];
  },
});

type Normalised = { readonly x: Tensor; readonly rstd: Tensor; readonly dy: Tensor };

function inputGradient(device: Device, { x, weight, rstd, dy }: Normalised & { readonly weight: Tensor }): Tensor {
  const [rows, columns] = [rowsOf(x.shape), columnsOf(x.shape)];
  const dx = device.empty(x.shape);
  const { workgroups, constants } = rowTeams(device, rows, columns);
  device.run(rmsNormBackward, { x, weight, rstd, dy, dx }, { rows, columns }, workgroups, constants);
  return dx;
}

/** The weight's gradient for each shard: sums over chunks of its rows, then over its chunks. */
function weightGradient(device: Device, { x, rstd, dy, shards }: Normalised & { readonly shards: number }): Tensor {
  const [rows, columns] = [rowsOf(x.shape) / shards, columnsOf(x.shape)];
  const chunk = chunkLength(rows);
  const chunks = Math.ceil(rows / chunk);
  const dweight = device.empty([shards * chunks, columns]);
  const groups = shards * chunks * Math.ceil(columns / rmsNormWeightBackward.constants.lanes);
  device.run(
    rmsNormWeightBackward,
    { x, rstd, dy, dweight },
    { rows, columns, chunk, chunks, shards },
    device.grid(groups),
  );
  return addChunks(device, dweight, shards);
}
