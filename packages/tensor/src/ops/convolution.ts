// Convolutions, in the sense of neural networks: each output is the sum of what a window sees, times weights.
import { convolution as kernel, convolutionSubgroup, convolutionTiled } from '@lockstep/kernels';
import { defineOp, type Op } from '../autograd/op.ts';
import type { Dispatcher } from '../device/dispatcher.ts';
import { ShapeError } from '@lockstep/errors';
import { expectShape, type Shape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { add } from './arithmetic.ts';
import { portableLanes, tilesOf } from './product-tiles.ts';
import { reshape } from './reshape.ts';
import { squeeze, unsqueeze } from './squeeze.ts';
import { type Windows, windowsOf, type WindowOptions } from './window.ts';

export interface ConvolutionOptions extends WindowOptions {
  /** Groups of channels that do not see one another; as many as channels for one of its own each. 1 unless given. */
  readonly groups?: number;
  /** (Cout), added to all of a channel. */
  readonly bias?: Tensor;
}

/**
 * `x` (B, Cin, H, W) under `weights` (Cout, Cin/groups, KH, KW), as PyTorch's: (B, Cout, OH, OW). An implicit product: no matrix of windows is
 * made, going forward or back (Chetlur et al. 2014, cuDNN). Terms are added in the order of channels, rows and columns.
 * @throws {ShapeError}
 */
export function conv2d(x: Tensor, weights: Tensor, { bias, ...options }: ConvolutionOptions = {}): Tensor {
  const y = convolution(x, weights, options);
  if (!bias) return y;
  const channels = weights.shape[0]!;
  expectShape(bias.shape.length === 1 && bias.shape[0] === channels, 'conv2d', `a bias (${channels})`, bias.shape);
  return add(y, reshape(bias, [channels, 1, 1]));
}

/** {@link ConvolutionOptions} with one number for each. */
export interface Convolution1dOptions {
  readonly stride?: number;
  readonly padding?: 'valid' | 'same' | number;
  readonly dilation?: number;
  readonly groups?: number;
  readonly bias?: Tensor;
}

/** The same along one axis: `x` (B, Cin, L) under `weights` (Cout, Cin/groups, K): (B, Cout, OL). @throws {ShapeError} */
export function conv1d(
  x: Tensor,
  weights: Tensor,
  { stride = 1, padding = 0, dilation = 1, ...rest }: Convolution1dOptions = {},
): Tensor {
  const fits = x.shape.length === 3 && weights.shape.length === 3;
  expectShape(fits, 'conv1d', 'x (B, Cin, L) and weights (Cout, Cin/groups, K)', x.shape, weights.shape);
  const across = typeof padding === 'string' ? padding : ([0, padding] as const);
  const options = { stride: [1, stride], padding: across, dilation: [1, dilation], ...rest } as const;
  return squeeze(conv2d(unsqueeze(x, -2), unsqueeze(weights, -2), options), -2);
}

type Options = Omit<ConvolutionOptions, 'bias'>;
type Shapes = readonly [x: Shape, weights: Shape];

const convolution: Op<[x: Tensor, weights: Tensor], Options> = defineOp({
  name: 'conv2d',
  shards: 'together',
  shape(shapes, options) {
    const { height, width } = plan(shapes, options);
    return [shapes[0][0]!, shapes[1][0]!, height.count, width.count];
  },
  forward(device, [x, weights], y, options) {
    const { sizes, groups } = plan([x.shape, weights.shape], options);
    const images = (y.shards ?? 1) * x.shape[0]!;
    const { inputs, outputs, kernel_height, kernel_width } = sizes;
    const product = { m: outputs, n: sizes.out_height * sizes.out_width, k: inputs * kernel_height * kernel_width };
    const tensors = { images: x, weights, c: y };
    dispatch(device, tensors, {
      ...product,
      batch: images * groups,
      sizes: { ...sizes, ...placesOf(x, weights, groups) },
    });
  },
  reads: [0, 1],
  backward(device, { inputs: [x, weights], dy, needs, gradient }, options) {
    const { sizes, groups } = plan([x.shape, weights.shape], options);
    const all = { ...sizes, ...placesOf(x, weights, groups) };
    const { inputs, outputs, kernel_height, kernel_width, height, width, out_height, out_width } = sizes;
    const shards = dy.shards ?? 1;
    const [images, taps] = [x.shape[0]!, kernel_height * kernel_width];
    if (needs[0])
      dispatch(
        device,
        { images: dy, weights, c: gradient(0) },
        { m: inputs, n: height * width, k: outputs * taps, batch: shards * images * groups, sizes: all, of: 'images' },
      );
    if (needs[1])
      dispatch(
        device,
        { images: x, weights: dy, c: gradient(1) },
        {
          m: outputs,
          n: inputs * taps,
          k: images * out_height * out_width,
          batch: shards * groups,
          sizes: all,
          of: 'weights',
        },
      );
  },
});

/** What is read once for all shards, and what for each. */
const placesOf = (x: Tensor, weights: Tensor, groups: number) => ({
  planes: (x.shards ?? 1) * x.shape[0]! * groups,
  weight_shard: weights.shards === undefined ? 0 : weights.size,
});

/** @throws {ShapeError} */
function plan([x, weights]: Shapes, { groups = 1, ...window }: Options) {
  const rule = 'x (B, Cin, H, W) and weights (Cout, Cin/groups, KH, KW)';
  expectShape(x.length === 4 && weights.length === 4, 'conv2d', rule, x, weights);
  if (!Number.isInteger(groups) || groups < 1)
    throw new ShapeError(`conv2d: expected groups to be a whole number from 1, got ${groups}`);
  const [images, channels, height, width] = x as [number, number, number, number];
  const [out, inputs, kernelHeight, kernelWidth] = weights as [number, number, number, number];
  const divides = channels === inputs * groups && out % groups === 0 && kernelHeight >= 1 && kernelWidth >= 1;
  expectShape(divides, 'conv2d', `${rule} with ${groups} groups`, x, weights);
  const windows: Windows = windowsOf('conv2d', { shape: x, size: [kernelHeight, kernelWidth] }, window);
  const [down, across] = [windows.height, windows.width];
  const sizes = {
    images,
    groups,
    inputs,
    outputs: out / groups,
    height,
    width,
    out_height: down.count,
    out_width: across.count,
    kernel_height: kernelHeight,
    kernel_width: kernelWidth,
    stride_height: down.stride,
    stride_width: across.stride,
    before_height: down.before,
    before_width: across.before,
    dilation_height: down.dilation,
    dilation_width: across.dilation,
  };
  return { ...windows, sizes, groups };
}

interface Product {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly batch: number;
  readonly sizes: ReturnType<typeof plan>['sizes'] & ReturnType<typeof placesOf>;
  /** Whose gradient it is. */
  readonly of?: 'images' | 'weights';
}

function dispatch(
  device: Dispatcher,
  tensors: { readonly images: Tensor; readonly weights: Tensor; readonly c: Tensor },
  { m, n, k, batch, sizes, of }: Product,
): void {
  if (m * n * batch === 0) return;
  const lines = { aBatch: m, aRow: 1, aCol: 0, a0: 0, bBatch: k, bRow: 1, bCol: 0, b0: 0 };
  const params = { M: m, N: n, K: k, ...lines, cBatch: m * n, ldc: n, c0: 0, ...sizes };
  const constants = { of_images: Number(of === 'images'), of_weights: Number(of === 'weights') };
  const groups = tilesOf(device, { m, n, batch });
  const family = device.families.matmul;
  const work = { flops: 2 * batch * m * n * k };
  if (family === 'tiled') return device.run(convolutionTiled, tensors, params, groups, constants, work);
  if (family === 'subgroup') return device.run(convolutionSubgroup, tensors, params, groups, constants, work);
  device.run(kernel, tensors, params, groups, { ...constants, lanes: portableLanes(device.facts) }, work);
}
