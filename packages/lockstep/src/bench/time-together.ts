// The time of a call that all ranks make together, by the clock of the slowest: it is over when the last one has the result.
import type { Group } from '@lockstep/collectives';

const batches = 9;
const secondsPerSize = 0.5;
const secondsPerBatch = 0.05;
/** V8 goes on compiling what is hot for some thousand calls, and a job of hours is not judged by its first seconds. */
const warmUpSeconds = 2;

/**
 * Seconds per call, of the median of 9 batches that take half a second together, after a warm-up whose batches double until one
 * takes 50 ms, and then go on until 2 s are over. All ranks call it, and all get the same.
 */
export async function timeTogether(group: Group, call: () => Promise<void>): Promise<number> {
  let calls = 1;
  let elapsed = await batchSeconds(group, call, calls);
  while (elapsed < secondsPerBatch) {
    calls *= 2;
    elapsed = await batchSeconds(group, call, calls);
  }
  for (let warm = 0; warm < warmUpSeconds; warm += elapsed) elapsed = await batchSeconds(group, call, calls);
  calls = Math.max(1, Math.round(secondsPerSize / batches / (elapsed / calls)));
  const times = [];
  for (let batch = 0; batch < batches; batch++) times.push(await batchSeconds(group, call, calls));
  return times.toSorted((a, b) => a - b)[(batches - 1) / 2]! / calls;
}

/** Barriers are not counted. */
async function batchSeconds(group: Group, call: () => Promise<void>, calls: number): Promise<number> {
  await group.barrier();
  const start = performance.now();
  for (let i = 0; i < calls; i++) await call();
  const slowest = Float32Array.of((performance.now() - start) / 1000);
  await group.allReduce(slowest, slowest, { op: 'max' });
  return slowest[0]!;
}
