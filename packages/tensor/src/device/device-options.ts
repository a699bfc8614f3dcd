// What a device is opened with, and what it tells of itself.
import type { NarrowLimits } from './limits.ts';

/** What exists and what has been done, for tests and for `lockstep doctor`. */
export interface DeviceStats {
  readonly buffers: number;
  readonly bytes: number;
  readonly bindGroups: number;
  readonly submits: number;
}

export interface DeviceOptions {
  /** Limits that it keeps to, of what the adapter can; with `default` those that WebGPU promises of every adapter. */
  readonly limits?: NarrowLimits | 'default';
  /** Milliseconds after which work that has been submitted counts as one that never ends; five minutes unless given. */
  readonly deadlineMs?: number;
  /** Features to ask for, where the adapter has them, beside those that Lockstep knows to use. */
  readonly experimental?: readonly GPUFeatureName[];
}
