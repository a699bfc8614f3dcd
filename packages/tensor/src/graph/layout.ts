// Where the elements of a tensor lie in its memory: a place to begin and a step for each axis. Permuting, slicing, flipping and
// broadcasting change only these numbers, so they copy nothing.
import { type Shape, sizeOf } from '../shape.ts';

/** Elements from the memory's start to the first, and from one index of an axis to the next. */
export interface Layout {
  readonly offset: number;
  /** From one shard to the next; 0 where one value serves all. */
  readonly shard: number;
  /** One step for each axis. */
  readonly strides: readonly number[];
  /** The first and the last element that may be read, of all shards, where some indices lead elsewhere: what is read there is not used. */
  readonly reach?: Reach | undefined;
}

/** Elements from the memory's start. */
export interface Reach {
  readonly first: number;
  readonly last: number;
}

/** How an axis of a view's source is read. */
export interface AxisMap {
  /** The view's axis that walks along this one; undefined where the index stands still. */
  readonly to?: number;
  readonly start: number;
  readonly step: number;
}

/** A tensor seen with other axes, or with other lengths over the same elements in the same order. */
export type View =
  | {
      readonly kind: 'axes';
      readonly axes: readonly AxisMap[];
      readonly rank: number;
      /** The lengths of the source, those of shards first, where the view has indices beyond them. */
      readonly within?: readonly number[];
    }
  | { readonly kind: 'reshape'; readonly from: Shape; readonly to: Shape };

/** Steps of a dense, row-major array. */
export function denseStrides(shape: Shape): number[] {
  const strides: number[] = [];
  let step = 1;
  for (const length of shape.toReversed()) {
    strides.unshift(step);
    step *= length;
  }
  return strides;
}

/** The layout of a tensor that begins at `offset` and has no gaps. */
export function denseLayout(shape: Shape, shards: number | undefined, offset = 0): Layout {
  return { offset, shard: shards === undefined ? 0 : sizeOf(shape), strides: denseStrides(shape) };
}

/** Whether elements lie one after another, in order, within each shard and from shard to shard. */
export function isDense({ shard, strides }: Layout, shape: Shape, shards: number | undefined): boolean {
  const dense = denseLayout(shape, shards);
  const follows = shape.every((length, axis) => length === 1 || strides[axis] === dense.strides[axis]);
  return (follows && (shards === undefined || shards === 1 || shard === dense.shard)) || shape.includes(0);
}

/** The layout of a view of what has the given one; undefined where no steps say it. */
export function viewed(layout: Layout, view: View): Layout | undefined {
  if (view.kind === 'reshape') {
    const strides = reshapedStrides(view.from, layout.strides, view.to);
    return strides && { ...layout, strides };
  }
  const strides = Array.from({ length: view.rank }, () => 0);
  let { offset } = layout;
  for (const [axis, { to, start, step }] of view.axes.entries()) {
    offset += start * layout.strides[axis]!;
    if (to !== undefined) strides[to]! += step * layout.strides[axis]!;
  }
  const reach = layout.reach ?? (view.within && reachOf(layout, view.within));
  return { ...layout, offset, strides, ...(reach && { reach }) };
}

/** What a layout touches of so many shards and axes. */
function reachOf({ offset, shard, strides }: Layout, lengths: readonly number[]): Reach {
  const { first, last } = span(lengths, [shard, ...strides]);
  return { first: offset + first, last: offset + last };
}

/** Steps after a reshape: groups of axes that hold as many elements before as after must lie without gaps between them. */
function reshapedStrides(from: Shape, strides: readonly number[], to: Shape): number[] | undefined {
  if (from.includes(0)) return denseStrides(to);
  const source = from.map((length, axis) => ({ length, stride: strides[axis]! })).filter(({ length }) => length !== 1);
  const result = Array.from({ length: to.length }, () => 0);
  let [at, axis] = [0, 0];
  while (at < source.length) {
    const first = at;
    const begin = axis;
    let [inside, outside] = [source[at++]!.length, 1];
    while (axis < to.length && outside < inside) outside *= to[axis++]!;
    while (outside !== inside) {
      if (outside < inside) outside *= to[axis++]!;
      else inside *= source[at++]!.length;
    }
    const isGapless = source.slice(first, at - 1).every(({ stride }, i) => {
      const next = source[first + i + 1]!;
      return stride === next.stride * next.length;
    });
    if (!isGapless) return undefined;
    let step = source[at - 1]!.stride;
    for (let i = axis - 1; i >= begin; i--) {
      result[i] = step;
      step *= to[i]!;
    }
  }
  return result;
}

/** The first and the last element that an operand touches, from its offset on. */
export function span(lengths: readonly number[], strides: readonly number[]): { first: number; last: number } {
  const ends = lengths.map((length, axis) => strides[axis]! * (length - 1));
  return {
    first: ends.reduce((sum, end) => sum + Math.min(0, end), 0),
    last: ends.reduce((sum, end) => sum + Math.max(0, end), 0),
  };
}
