// Whether /dev/shm has room for UCX: it takes its queues from there, and a container has 64 MiB of it, or less.

import { statfsSync } from 'node:fs';
import { ConfigError } from '@lockstep/collectives';

const folder = '/dev/shm';

/** What a worker takes from the start with UCX 1.13: 512 messages of 8,256 bytes, and a queue. */
const leastBytes = 4.25 * 2 ** 20;

/** What a worker may have need of in all: when 512 messages are not enough, UCX takes as much again. */
const workerBytes = 2 * leastBytes;

/** How many workers that have what they need from the start could get as much again. */
export function roomForWorkers(): number {
  return Math.floor(freeSharedMemory() / leastBytes);
}

/** Bytes that are free; none where there is no such folder. */
function freeSharedMemory(): number {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  } catch {
    return 0;
  }
}

/** @throws {ConfigError} where so many workers find no room on this host. */
export function requireSharedMemory(workers: number): void {
  const [needed, free] = [workers * workerBytes, freeSharedMemory()];
  if (free >= needed) return;
  throw new ConfigError(
    `ucx: expected ${inMiB(needed)} MiB free in ${folder} for ${workers === 1 ? 'a worker' : `${workers} workers`}, got ${inMiB(free)}\nhint: give the container more (docker run --shm-size=1g), or use --bridge ws`,
  );
}

const inMiB = (bytes: number): string => (bytes / 2 ** 20).toFixed(1);
