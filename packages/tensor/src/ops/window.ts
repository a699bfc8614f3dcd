// Windows that go over the last two axes of images: how far apart they are, how far they reach, and how many there are.
import { ShapeError } from '@lockstep/errors';
import { expectShape, type Shape } from '../shape.ts';

/** A number for both axes, or one for each: height, then width. */
export type Pair = number | readonly [height: number, width: number];

/**
 * Elements that are imagined around an image: none (`valid`), as many as leave its size, divided by the stride and rounded up (`same`; the odd
 * one comes after), or so many on each side.
 */
export type Padding = 'valid' | 'same' | Pair;

export interface WindowOptions {
  readonly stride?: Pair;
  readonly padding?: Padding;
  readonly dilation?: Pair;
}

/** A window along one axis. */
interface Along {
  /** Windows. */
  readonly count: number;
  readonly stride: number;
  readonly dilation: number;
  /** Padding before the first element. */
  readonly before: number;
}

export interface Windows {
  readonly height: Along;
  readonly width: Along;
}

/** @throws {ShapeError} where nothing fits, or an option is none */
export function windowsOf(
  op: string,
  { shape, size }: { readonly shape: Shape; readonly size: readonly [number, number] },
  { stride = 1, padding = 0, dilation = 1 }: WindowOptions,
): Windows {
  const [strides, dilations] = [pairOf(op, 'stride', stride, 1), pairOf(op, 'dilation', dilation, 1)];
  const [height, width] = [shape.at(-2)!, shape.at(-1)!].map((length, i) => {
    const reach = dilations[i]! * (size[i]! - 1) + 1;
    const around = paddingOf(op, padding, { length, reach, stride: strides[i]!, axis: i });
    const count = Math.floor((length + around.all - reach) / strides[i]!) + 1;
    expectShape(count >= 1, op, `images of at least ${reach - around.all} elements along each axis`, shape);
    return { count, stride: strides[i]!, dilation: dilations[i]!, before: around.before };
  }) as [Along, Along];
  return { height, width };
}

function paddingOf(
  op: string,
  padding: Padding,
  { length, reach, stride, axis }: { length: number; reach: number; stride: number; axis: number },
): { before: number; all: number } {
  if (padding === 'same') {
    const all = Math.max(0, (Math.ceil(length / stride) - 1) * stride + reach - length);
    return { before: Math.floor(all / 2), all };
  }
  const before = padding === 'valid' ? 0 : pairOf(op, 'padding', padding, 0)[axis]!;
  return { before, all: 2 * before };
}

/** @throws {ShapeError} unless whole numbers that are not too small */
export function pairOf(op: string, name: string, value: Pair, least: number): readonly [number, number] {
  const pair = typeof value === 'number' ? ([value, value] as const) : value;
  if (!Array.isArray(pair) || pair.length !== 2 || !pair.every((one) => Number.isInteger(one) && one >= least))
    throw new ShapeError(`${op}: expected ${name} to be one or two whole numbers from ${least}, got ${String(value)}`);
  return pair as readonly [number, number];
}
