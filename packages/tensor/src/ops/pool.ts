// What windows over images come to: the largest element, or the mean.
import { poolBackward, pool as kernel } from '@lockstep/kernels';
import { defineOp, type Op } from '../autograd/op.ts';
import { roundsGrid } from '../device/rounds.ts';
import { expectShape, type Shape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { words } from './words.ts';
import { type Pair, type Padding, pairOf, windowsOf } from './window.ts';

export interface PoolOptions {
  /** The distance between windows; as far as a window reaches unless given. */
  readonly stride?: Pair;
  readonly padding?: Padding;
}

/**
 * The largest element of each window of so many elements over the last two axes of `x` (…, H, W): (…, OH, OW). NaN where there is one; of
 * equal ones the gradient is the first one's. Padding is never the largest. @throws {ShapeError}
 */
export function maxPool(x: Tensor, size: Pair, options: PoolOptions = {}): Tensor {
  return pool(x, { size, ...options, name: 'maxPool' });
}

/** The means of windows over the last two axes of `x` (…, H, W), in which padding counts as zeros: (…, OH, OW). @throws {ShapeError} */
export function avgPool(x: Tensor, size: Pair, options: PoolOptions = {}): Tensor {
  return pool(x, { size, ...options, name: 'avgPool' });
}

interface Options extends PoolOptions {
  readonly size: Pair;
  readonly name: 'maxPool' | 'avgPool';
}

const pool: Op<[x: Tensor], Options> = defineOp({
  name: 'pool',
  shards: 'together',
  shape([x], options) {
    const { out_height, out_width } = plan(x, options);
    return [...x.slice(0, -2), out_height, out_width];
  },
  saves: ([x], options) => {
    const { out_height, out_width } = plan(x, options);
    return options.name === 'maxPool' ? [{ shape: [...x.slice(0, -2), out_height, out_width], dtype: 'u32' }] : [];
  },
  forward(device, [x], y, options, [places]) {
    if (y.count === 0) return;
    const params = { size: y.count, ...plan(x.shape, options) };
    const bound = { x, y, places: places ?? words(device.nowhere) };
    device.run(kernel, bound, params, roundsGrid(device, kernel, y.count), { average: Number(!places) });
  },
  reads: [],
  backward(device, { inputs: [x], saved: [places], dy, gradient }, options) {
    const dx = gradient(0);
    if (dx.count === 0) return;
    const params = { size: dx.count, ...plan(x.shape, options) };
    const bound = { dx, dy, places: places ?? words(device.nowhere) };
    device.run(poolBackward, bound, params, roundsGrid(device, poolBackward, dx.count), { average: Number(!places) });
  },
});

/** @throws {ShapeError} */
function plan(x: Shape, { name, size, stride = size, padding }: Options) {
  expectShape(x.length >= 2, name, '(…, H, W)', x);
  const [window_height, window_width] = pairOf(name, 'size', size, 1);
  const windows = windowsOf(
    name,
    { shape: x, size: [window_height, window_width] },
    { stride, ...(padding !== undefined && { padding }) },
  );
  const isSeen = windows.height.before < window_height && windows.width.before < window_width;
  expectShape(isSeen, name, `padding that is smaller than the window, ${window_height} by ${window_width},`, x);
  return {
    height: x.at(-2)!,
    width: x.at(-1)!,
    out_height: windows.height.count,
    out_width: windows.width.count,
    window_height,
    window_width,
    stride_height: windows.height.stride,
    stride_width: windows.width.stride,
    before_height: windows.height.before,
    before_width: windows.width.before,
  };
}
