// Random zeros while training, drawn from counters: the mask is a function of seed, step, shard, layer and element.
import { dropout as kernel } from '@lockstep/kernels';
import type { Device } from '../device.ts';
import { expectWords } from '../expect-words.ts';
import { defineOp, type Op } from '../op.ts';
import { expectShape, sameShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';

export interface DropoutOptions {
  /** Share of the elements that become 0, below 1; the others are divided by what is left. */
  readonly rate: number;
  /** Sets the masks of one step apart: each place in a model has a number of its own, below 2²⁴. */
  readonly layer: number;
  /** Shards in this pass, by which the rows of `x` are grouped. */
  readonly shards: number;
}

/**
 * `x` with a share of its elements set to 0 and the rest scaled up. Srivastava et al. 2014.
 * @param random (4), of u32: seed (low word, high word), step, and first shard of the pass. A tensor, so that a captured
 * step may run with others. Backward draws the same mask again: the words must not change in between.
 * @throws {ShapeError}
 */
export const dropout: Op<[x: Tensor, random: Tensor], DropoutOptions> = defineOp({
  name: 'dropout',
  arity: 2,
  shape([x, random], { shards }) {
    expectShape(sameShape(random, [4]), 'dropout', '(…) and (4)', x, random);
    expectShape((x[0] ?? 1) % shards === 0, 'dropout', `rows in ${shards} shards of equal length`, x);
    return x;
  },
  forward(device, [x, random], y, options) {
    expectWords('dropout', 'random', random);
    drop(device, x, random, y, options);
  },
  backward(device, { inputs: [x, random], dy }, options) {
    const dx = device.empty(x.shape);
    drop(device, dy, random, dx, options);
    return [dx, undefined];
  },
});

function drop(device: Device, x: Tensor, random: Tensor, y: Tensor, { rate, layer, shards }: DropoutOptions): void {
  const size = x.size / shards;
  const params = {
    shards,
    size,
    layer,
    threshold: Math.min(Math.round(rate * 2 ** 32), 2 ** 32 - 1),
    scale: 1 / (1 - rate),
  };
  device.run(kernel, { x, random, y }, params, device.grid((shards * Math.ceil(size / 4)) / kernel.constants.lanes));
}
