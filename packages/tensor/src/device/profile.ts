// What programs take by the GPU's own clock, as a whole and kernel by kernel; for benchmarks.
import { bufferUsage } from './buffer-usage.ts';
import type { Device } from './device.ts';
import { DeviceError } from '@lockstep/errors';
import { encodeDispatch, type Work } from './dispatch.ts';
import type { Program } from './program.ts';

/** One dispatch of a profiled program. */
export interface DispatchTime {
  readonly kernel: string;
  readonly workgroups: readonly [x: number, y: number, z: number];
  readonly work: Work;
  readonly ms: number;
}

/** The most queries that one set may hold. */
const maxQueries = 4096;

/**
 * Runs a program once and times each dispatch, in a pass of its own: slower than a run, since nothing overlaps.
 * @throws {DeviceError} where the adapter has no clock to read (`timestamp-query`), or for a program of over 2,048 dispatches.
 */
export async function profile(device: Device, { dispatches }: Program): Promise<DispatchTime[]> {
  const times = await clocked(device, dispatches.length, (i, pass) => encodeDispatch(pass, dispatches[i]!));
  return dispatches.map(({ kernel, workgroups, work }, i) => ({ kernel, workgroups, work, ms: times[i]! }));
}

/**
 * Milliseconds that a program takes, from one run to the next: the mean over `repeats` runs in one pass.
 * @throws {DeviceError} where the adapter has no clock to read (`timestamp-query`).
 */
export async function time(device: Device, { dispatches }: Program, repeats = 1): Promise<number> {
  const [ms] = await clocked(device, 1, (_, pass) => {
    for (let repeat = 0; repeat < repeats; repeat++) for (const dispatch of dispatches) encodeDispatch(pass, dispatch);
  });
  return ms! / repeats;
}

/** Milliseconds of each of a number of passes. */
async function clocked(
  { gpu }: Device,
  passes: number,
  encode: (pass: number, encoder: GPUComputePassEncoder) => void,
): Promise<number[]> {
  if (!gpu.features.has('timestamp-query')) throw new DeviceError('profile: expected an adapter with timestamp-query');
  const count = 2 * passes;
  if (count > maxQueries)
    throw new DeviceError(`profile: expected at most ${maxQueries / 2} dispatches, got ${passes}`);
  const querySet = gpu.createQuerySet({ type: 'timestamp', count });
  const resolved = gpu.createBuffer({ size: 8 * count, usage: bufferUsage.QUERY_RESOLVE | bufferUsage.COPY_SRC });
  const readable = gpu.createBuffer({ size: 8 * count, usage: bufferUsage.MAP_READ | bufferUsage.COPY_DST });
  const encoder = gpu.createCommandEncoder();
  for (let i = 0; i < passes; i++) {
    const timestampWrites = { querySet, beginningOfPassWriteIndex: 2 * i, endOfPassWriteIndex: 2 * i + 1 };
    const pass = encoder.beginComputePass({ timestampWrites });
    encode(i, pass);
    pass.end();
  }
  encoder.resolveQuerySet(querySet, 0, count, resolved, 0);
  encoder.copyBufferToBuffer(resolved, 0, readable, 0, 8 * count);
  gpu.queue.submit([encoder.finish()]);
  await readable.mapAsync(GPUMapMode.READ);
  const times = new BigInt64Array(readable.getMappedRange().slice(0));
  for (const resource of [querySet, resolved, readable]) resource.destroy();
  return Array.from({ length: passes }, (_, i) => Number(times[2 * i + 1]! - times[2 * i]!) / 1e6);
}
