// Layer normalisation over the last axis.
import { layerNormBackward, layerNorm as kernel, layerNormWeightBackward } from '@lockstep/kernels';
import { addChunks, chunkLength } from '../column-sums.ts';
import type { Device } from '../device.ts';
import { defineOp, type Op } from '../op.ts';
import { rowTeams } from '../row-teams.ts';
import { columnsOf, expectShape, rowsOf, sameShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';

/** @property epsilon added to the variance before its root; GPT-2 has 1e-5. */
export interface LayerNormOptions {
  readonly epsilon: number;
}

/** `(x − mean) / √(variance + epsilon) · weight + bias` of each row of `x` (…, C); `weight` and `bias` are (C). Ba et al. 2016. @throws {ShapeError} */
export const layerNorm: Op<[x: Tensor, weight: Tensor, bias: Tensor], LayerNormOptions> = defineOp({
  name: 'layerNorm',
  arity: 3,
  shape([x, weight, bias]) {
    const fits = sameShape(weight, [columnsOf(x)]) && sameShape(bias, weight);
    expectShape(x.length > 0 && fits, 'layerNorm', '(…, C), (C) and (C)', x, weight, bias);
    return x;
  },
  forward(device, [x, weight, bias], y, { epsilon }) {
    const [rows, columns] = [rowsOf(x.shape), columnsOf(x.shape)];
    const mean = device.empty([rows]);
    const rstd = device.empty([rows]);
    const { workgroups, constants } = rowTeams(device, rows, columns);
    device.run(kernel, { x, weight, bias, y, mean, rstd }, { rows, columns, epsilon }, workgroups, constants);
    return [mean, rstd];
  },
  backward(device, { inputs: [x, weight], saved, dy, needs, shards }) {
    const [mean, rstd] = saved as [Tensor, Tensor];
    const [dweight, dbias] = needs[1] || needs[2] ? weightGradients(device, { x, mean, rstd, dy, shards }) : [];
    return [needs[0] ? inputGradient(device, { x, weight, mean, rstd, dy }) : undefined, dweight, dbias];
  },
});

type Normalised = { readonly x: Tensor; readonly mean: Tensor; readonly rstd: Tensor; readonly dy: Tensor };

function inputGradient(
  device: Device,
  { x, weight, mean, rstd, dy }: Normalised & { readonly weight: Tensor },
): Tensor {
  const [rows, columns] = [rowsOf(x.shape), columnsOf(x.shape)];
  const dx = device.empty(x.shape);
  const { workgroups, constants } = rowTeams(device, rows, columns);
  device.run(layerNormBackward, { x, weight, mean, rstd, dy, dx }, { rows, columns }, workgroups, constants);
  return dx;
}

/** Gradients of weight and bias for each shard: sums over chunks of its rows, then over its chunks. */
function weightGradients(
  device: Device,
  { x, mean, rstd, dy, shards }: Normalised & { readonly shards: number },
): Tensor[] {
  const [rows, columns] = [rowsOf(x.shape) / shards, columnsOf(x.shape)];
  const chunk = chunkLength(rows);
  const chunks = Math.ceil(rows / chunk);
  const [dweight, dbias] = [device.empty([shards * chunks, columns]), device.empty([shards * chunks, columns])];
  const groups = shards * chunks * Math.ceil(columns / layerNormWeightBackward.constants.lanes);
  const params = { rows, columns, chunk, chunks, shards };
  device.run(layerNormWeightBackward, { x, mean, rstd, dy, dweight, dbias }, params, device.grid(groups));
  return [addChunks(device, dweight, shards), addChunks(device, dbias, shards)];
}
