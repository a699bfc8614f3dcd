// What an adapter can bind and hold, or less where that is to be tried.
import type { Limits } from './dispatcher.ts';

/** Limits that a device keeps to though the adapter's may be wider, by WebGPU's names: to try what another adapter would need. */
export type NarrowLimits = Partial<Record<LimitName, number>>;
type LimitName = keyof Limits;

/** The device's limits, none wider than given. */
export function limitsOf({ limits }: GPUDevice, narrow: NarrowLimits): Limits {
  const {
    maxBufferSize,
    maxStorageBufferBindingSize,
    maxComputeWorkgroupStorageSize,
    maxComputeWorkgroupsPerDimension,
  } = limits;
  const own = {
    maxBufferSize,
    maxStorageBufferBindingSize,
    maxComputeWorkgroupStorageSize,
    maxComputeWorkgroupsPerDimension,
  };
  const names = Object.keys(own) as LimitName[];
  return Object.fromEntries(
    names.map((name) => [name, Math.min(own[name], narrow[name] ?? Infinity)]),
  ) as unknown as Limits;
}

/** Every limit by its name: WebGPU's object lists them as accessors, which neither copies nor becomes JSON. */
export function allLimits(limits: GPUSupportedLimits): Record<string, number> {
  const all: Record<string, number> = {};
  for (const name in limits) {
    const value = (limits as unknown as Record<string, unknown>)[name];
    if (typeof value === 'number') all[name] = value;
  }
  return all;
}
