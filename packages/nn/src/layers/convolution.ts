// Convolutions of images and of sequences, with the weights that are learned.
import {
  conv1d as conv1dOp,
  type Convolution1dOptions,
  conv2d as conv2dOp,
  type ConvolutionOptions,
  type Tensor,
} from '@lockstep/tensor';
import { type Layer, layer } from './layer.ts';
import { parameter, type ParameterOptions, type ParameterSlot } from './parameter.ts';

interface Learned extends ParameterOptions {
  /** Whether something is added to each channel; true unless given. */
  readonly bias?: boolean;
}

export interface Conv2dOptions extends Learned, Omit<ConvolutionOptions, 'bias'> {
  /** Height and width of the window; 3 unless given. */
  readonly size?: number | readonly [height: number, width: number];
}

export interface Conv1dOptions extends Learned, Omit<Convolution1dOptions, 'bias'> {
  /** Length of the window; 3 unless given. */
  readonly size?: number;
}

export type Convolution = Layer<
  (x: Tensor) => Tensor,
  { readonly weight: ParameterSlot; readonly bias: ParameterSlot | undefined }
>;

/** `x` (B, inputs, H, W) to (B, outputs, OH, OW). The weight begins with normal numbers of √(2 / what a window sees) (He et al. 2015). */
export function conv2d(inputs: number, outputs: number, { size = 3, ...options }: Conv2dOptions = {}): Convolution {
  const window = typeof size === 'number' ? [size, size] : [...size];
  return convolution(inputs, outputs, window, options, (x, weight, { bias, ...rest }) =>
    conv2dOp(x, weight, { ...rest, ...(bias && { bias }) }),
  );
}

/** `x` (B, inputs, L) to (B, outputs, OL); else as {@link conv2d}. */
export function conv1d(inputs: number, outputs: number, { size = 3, ...options }: Conv1dOptions = {}): Convolution {
  return convolution(inputs, outputs, [size], options, (x, weight, { bias, ...rest }) =>
    conv1dOp(x, weight, { ...rest, ...(bias && { bias }) }),
  );
}

function convolution<Options extends Learned & { readonly groups?: number }>(
  inputs: number,
  outputs: number,
  window: readonly number[],
  options: Options,
  call: (x: Tensor, weight: Tensor, options: Omit<Options, keyof Learned> & { bias: Tensor | undefined }) => Tensor,
): Convolution {
  const { bias: isBiased = true, group, frozen, initial, ...rest } = options;
  const slot = { ...(group !== undefined && { group }), ...(frozen !== undefined && { frozen }) };
  const seen = (inputs / (options.groups ?? 1)) * window.reduce((product, length) => product * length, 1);
  const weight = parameter([outputs, inputs / (options.groups ?? 1), ...window], {
    ...slot,
    initial: initial ?? { std: Math.sqrt(2 / seen) },
  });
  const bias = isBiased ? parameter([outputs], slot) : undefined;
  return layer({ weight, bias }, (x: Tensor) => call(x, weight.value, { ...rest, bias: bias?.value }));
}
