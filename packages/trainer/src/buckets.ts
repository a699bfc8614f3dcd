// How the flat gradients are cut into buckets, which leave the device one by one while backward still runs.
import type { Piece } from '@lockstep/tensor';

export interface BucketOptions {
  /** Where bounds may be, ascending, both ends included. */
  readonly cuts: readonly number[];
  /** Bytes of a bucket, about; chosen by the size of the whole unless given. */
  readonly bytes?: number | undefined;
}

/**
 * Small, because nothing hides the last bucket; yet smaller ones cost more than they hide: two workers on two cores took
 * 297 ms per step with buckets of 4 MiB, 331 with 1 MiB and 290 with a single one (bench/data-parallel.ts, sharded).
 */
const leastBytes = 4 * 2 ** 20;
/** So many buckets hide all but a few hundredths of what is sent; more would only cost. */
const mostBuckets = 32;
/** The first bucket is small, so that reduction begins early. */
const firstBytes = 2 ** 20;

/**
 * Cuts the gradients into buckets: a small one first, the others about equal. One bucket where no more would pay.
 * Fewer bytes than lie between two cuts give buckets of one piece.
 */
export function planBuckets({ cuts, bytes = defaultBytes(cuts.at(-1)!) }: BucketOptions): Piece[] {
  const size = cuts.at(-1)!;
  const most = Math.max(1, Math.floor(bytes / 4));
  const first = size <= most ? size : cutAt(cuts, Math.min(most, firstBytes / 4));
  const others = Math.ceil((size - first) / most);
  const wanted = Array.from({ length: others }, (_, i) => cutAt(cuts, first + ((size - first) * (i + 1)) / others));
  const bounds = [...new Set([0, first, ...wanted])];
  return bounds.slice(1).map((end, i) => ({ start: bounds[i]!, size: end - bounds[i]! }));
}

const defaultBytes = (size: number): number => Math.max(leastBytes, (4 * size) / mostBuckets);

/** The last cut that is not beyond a place, or the first one after the beginning. */
function cutAt(cuts: readonly number[], place: number): number {
  return cuts[Math.max(1, lowerBound(cuts, Math.floor(place) + 1) - 1)]!;
}

/** Where slices may be cut, and how much work there is up to each place, as an update's plan has them. */
export interface SlicePlan {
  readonly cuts: readonly number[];
  readonly costs: readonly number[];
}

/**
 * Bounds of the slices of each bucket, one for each of `ranks` ranks and counted from the bucket's beginning. Each rank gets about equal
 * work: what it has had of the buckets before counts, for a bucket may be a single piece.
 */
export function planSlices(buckets: readonly Piece[], { cuts, costs }: SlicePlan, ranks: number): number[][] {
  const loads = Array.from({ length: ranks }, () => 0);
  const costAt = new Map(cuts.map((cut, i) => [cut, costs[i]!]));
  return buckets.map(({ start, size }) => {
    const inside = cuts.filter((cut) => cut >= start && cut <= start + size);
    const before = costAt.get(start)!;
    const work = inside.map((cut) => costAt.get(cut)! - before);
    const bounds = wantedBounds(loads, work.at(-1)!).map((wanted) => nearestTo(work, wanted));
    for (const rank of loads.keys()) loads[rank]! += work[bounds[rank + 1]!]! - work[bounds[rank]!]!;
    return bounds.map((bound) => inside[bound]! - start);
  });
}

/** Where slices would begin and end so that all loads come as near to one another as so much work allows. */
function wantedBounds(loads: readonly number[], work: number): number[] {
  const level = levelOf(loads, work);
  const bounds = [0];
  for (const load of loads) bounds.push(bounds.at(-1)! + Math.max(0, level - load));
  bounds[loads.length] = work;
  return bounds;
}

/** Up to where so much work fills the lowest loads. */
function levelOf(loads: readonly number[], work: number): number {
  const ascending = loads.toSorted((a, b) => a - b);
  let sum = 0;
  for (const [i, load] of ascending.entries()) {
    sum += load;
    const level = (sum + work) / (i + 1);
    if (level <= (ascending[i + 1] ?? Infinity)) return level;
  }
  return 0;
}

/** The place of the number nearest to one, in an ascending list; the first of two that are as near. */
function nearestTo(ascending: readonly number[], wanted: number): number {
  const next = lowerBound(ascending, wanted);
  if (next === 0) return 0;
  const isNext = next < ascending.length && ascending[next]! - wanted < wanted - ascending[next - 1]!;
  return isNext ? next : lowerBound(ascending, ascending[next - 1]!);
}

/** The place of the first that is not less. */
function lowerBound(ascending: readonly number[], value: number): number {
  let [low, high] = [0, ascending.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ascending[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
