// How the flat gradients are cut into buckets, which leave the device one by one while backward still runs.
import type { Piece } from '@lockstep/tensor';

export interface BucketOptions {
  /** Bounds are multiples of this many elements. */
  readonly grain: number;
  /** Bytes of a bucket, about; chosen by the size of the whole unless given. */
  readonly bytes?: number | undefined;
}

/**
 * Small, because nothing hides the last bucket. Not settled by measurement: on a busy machine the waits of two workers did not
 * tell 1 MiB from 4 MiB, while 1 MiB took a twentieth more CPU time (bench/README.md).
 */
const leastBytes = 2 ** 20;
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
