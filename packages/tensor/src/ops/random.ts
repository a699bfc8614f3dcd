// Random numbers from counters: each a function of seed, step, shard, layer and element, and of nothing else.
import { random as kernel } from '@lockstep/kernels';
import type { Dispatcher } from '../device/dispatcher.ts';
import { expectDType } from '../dtype.ts';
import { recorderOf } from '../graph/recorder.ts';
import { expectShape, sameShape, type Shape } from '../shape.ts';
import { Tensor } from '../tensor.ts';

export interface RandomOptions {
  /** Sets the draws of one step apart: each place in a model has a number of its own, below 2²⁴; 0 unless given. */
  readonly layer?: number;
  /** For so many shards side by side; one draw serves all unless given. */
  readonly shards?: number | undefined;
}

export interface UniformOptions extends RandomOptions {
  /** 0 unless given. */
  readonly low?: number;
  /** Never reached; 1 unless given. */
  readonly high?: number;
}

/**
 * Numbers spread evenly over [low, high).
 * @param random (4), of u32: seed (low word, high word), step, and first shard of the pass. A tensor, so that a captured step may run
 * with others.
 * @throws {ShapeError}
 */
export function randomUniform(
  random: Tensor,
  shape: Shape,
  { low = 0, high = 1, ...options }: UniformOptions = {},
): Tensor {
  return draw('randomUniform', random, shape, { ...options, low, high, normal: 0 });
}

export interface NormalOptions extends RandomOptions {
  /** 0 unless given. */
  readonly mean?: number;
  /** The standard deviation; 1 unless given. */
  readonly std?: number;
}

/** Normal numbers (Box & Muller 1958). @param random as of {@link randomUniform} @throws {ShapeError} */
export function randomNormal(
  random: Tensor,
  shape: Shape,
  { mean = 0, std = 1, ...options }: NormalOptions = {},
): Tensor {
  return draw('randomNormal', random, shape, { ...options, low: mean, high: std, normal: 1 });
}

interface Draw extends RandomOptions {
  readonly low: number;
  readonly high: number;
  readonly normal: 0 | 1;
}

function draw(name: string, random: Tensor, shape: Shape, { layer = 0, shards, low, high, normal }: Draw): Tensor {
  expectShape(sameShape(random.shape, [4]), name, '(4)', random.shape);
  expectDType(name, 'random', random.dtype, 'u32');
  const recorder = recorderOf(name, [random]);
  const device = recorder as unknown as Dispatcher;
  const node = {
    kind: 'kernel' as const,
    name,
    options: { layer, low, high },
    inputs: [random],
    dispatch([words]: readonly Tensor[], [y]: readonly Tensor[]): void {
      const { size, shards: count = 1 } = y!;
      const params = { shards: count, size, layer, low, high };
      const groups = device.grid((count * Math.ceil(size / 4)) / kernel.constants.lanes);
      if (size > 0) device.run(kernel, { random: words!, y: y! }, params, groups, { normal });
    },
  };
  const y = new Tensor(recorder, { shape, dtype: 'f32', shards }, node);
  recorder.record(node, [y]);
  return y;
}
