// How the flat gradients are cut into buckets, which leave the device one by one while backward still runs.
import type { Piece } from '@lockstep/tensor';

export interface BucketOptions {
  /** Bounds are multiples of this many elements. */
  readonly grain: number;
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
 * Cuts `size` elements into buckets: a small one first, the others about equal. One bucket where no more would pay.
 * Fewer bytes than a grain give buckets of one grain.
 */
export function planBuckets(size: number, { grain, bytes = defaultBytes(size) }: BucketOptions): Piece[] {
  const most = grains(bytes, grain);
  const total = Math.ceil(size / grain);
  const first = total <= most ? total : Math.min(most, grains(firstBytes, grain));
  const others = Math.ceil((total - first) / most);
  const bounds = [
    0,
    ...Array.from({ length: others + 1 }, (_, i) => first + Math.ceil(((total - first) * i) / (others || 1))),
  ];
  return bounds.slice(1).map((end, i) => ({
    start: bounds[i]! * grain,
    size: Math.min(size, end * grain) - bounds[i]! * grain,
  }));
}

const defaultBytes = (size: number): number => Math.max(leastBytes, (4 * size) / mostBuckets);

const grains = (bytes: number, grain: number): number => Math.max(1, Math.floor(bytes / 4 / grain));
