// Random zeros while training, drawn from counters: the mask is a function of seed, step, shard, layer and element.
import { dropout as kernel } from '@lockstep/kernels';
import { defineOp, type Op } from '../autograd/op.ts';
import type { Dispatcher } from '../device/dispatcher.ts';
import { expectDType } from '../dtype.ts';
import { expectShape, sameShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';

export interface DropoutOptions {
  /** Share of the elements that become 0, below 1; the others are divided by what is left. */
  readonly rate: number;
  /** Sets the masks of one step apart: each place in a model has a number of its own, below 2²⁴. */
  readonly layer: number;
}

/**
 * `x` with a share of its elements set to 0 and the rest scaled up. Srivastava et al. 2014.
 * @param random (4), of u32: seed (low word, high word), step, and first shard of the pass. A tensor, so that a captured
 * step may run with others. Backward draws the same mask again: the words must not change in between.
 * @throws {ShapeError}
 */
export const dropout: Op<[x: Tensor, random: Tensor], DropoutOptions> = defineOp({
  name: 'dropout',
  shards: 'together',
  shape([x, random]) {
    expectShape(sameShape(random, [4]), 'dropout', '(…) and (4)', x, random);
    return x;
  },
  dtype([x, random]) {
    expectDType('dropout', 'random', random!, 'u32');
    return x!;
  },
  forward: (device, [x, random], y, options) => drop(device, x, random, y, options),
  reads: [1],
  backward: (device, { inputs: [, random], dy, gradient }, options) => drop(device, dy, random, gradient(0), options),
});

function drop(device: Dispatcher, x: Tensor, random: Tensor, y: Tensor, { rate, layer }: DropoutOptions): void {
  const { size, shards = 1 } = x;
  const threshold = Math.min(Math.round(rate * 2 ** 32), 2 ** 32 - 1);
  const params = { shards, size, layer, threshold, scale: 1 / (1 - rate) };
  device.run(kernel, { x, random, y }, params, device.grid((shards * Math.ceil(size / 4)) / kernel.constants.lanes));
}
