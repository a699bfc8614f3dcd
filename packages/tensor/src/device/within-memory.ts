// Trying whether a device has the memory for some work. WebGPU tells that an adapter is out of memory only later, and then all that uses the
// buffer that was not created is refused, too.
import { DeviceError } from '@lockstep/errors';
import type { Claims, DeviceMemory } from './device-memory.ts';
import type { Memory } from './memory.ts';

/** What came of the work, or that there was no room for it: what the work made must not be used then. */
export type WithinMemory<T> = { readonly result: T } | { readonly lacking: DeviceError };

/**
 * Runs work that takes memory and submits nothing. Where the device has too little, what was created for it is destroyed, and what nobody
 * uses, and `giveUp` takes back what it has asked for.
 * @throws {DeviceError} for anything else that the device refuses meanwhile
 */
export async function withinMemory<T>(
  { gpu }: { readonly gpu: GPUDevice },
  memory: DeviceMemory,
  work: () => Promise<T>,
  giveUp: () => void,
): Promise<WithinMemory<T>> {
  const before = memory.stats.bytes;
  const { claims, end } = memory.claiming();
  gpu.pushErrorScope('out-of-memory');
  gpu.pushErrorScope('validation');
  const outcome = await work().then(
    (result) => ({ result }),
    (reason: unknown) => ({ reason }),
  );
  const [refused, lacking] = [await gpu.popErrorScope(), await gpu.popErrorScope()];
  const lackingError = lacking && outOfMemory(claims, { before, wanted: memory.stats.bytes - before });
  if (lackingError) giveUp();
  end(lacking !== null);
  if (lackingError) return { lacking: lackingError };
  if ('reason' in outcome) throw outcome.reason;
  if (refused) throw new DeviceError(`device: ${refused.message}`);
  return outcome;
}

const namedTensors = 3;

function outOfMemory(claims: Claims, { before, wanted }: { before: number; wanted: number }): DeviceError {
  const largest = [...claims].toSorted(([a], [b]) => b.byteLength - a.byteLength).slice(0, namedTensors);
  const names = largest.map(([memory, kernel]) => described(memory, kernel)).join(', ');
  return new DeviceError(
    `device: expected room for ${size(wanted)} more, got an adapter that is out of memory with ${size(before)} in use; the largest tensors are ${names}`,
  );
}

function described({ held, byteLength }: Memory, kernel: string | undefined): string {
  const { dtype = 'f32', shape = [byteLength / 4], shards } = held ?? {};
  const times = shards === undefined || shards === 1 ? '' : ` of each of ${shards} shards`;
  return `${dtype} [${shape.join(', ')}]${times}${kernel === undefined ? '' : ` by ${kernel}`} (${size(byteLength)})`;
}

function size(bytes: number): string {
  const [unit, name] = bytes < 2 ** 20 ? [2 ** 10, 'KiB'] : bytes < 2 ** 30 ? [2 ** 20, 'MiB'] : [2 ** 30, 'GiB'];
  return `${(bytes / unit).toFixed(1)} ${name}`;
}
