/** The seam between the benchmark and the libraries it times: one file per library, all with this shape. */
import type { Problem } from '../problem.ts';

/** What a device holds and has done; only Lockstep can tell. */
export interface DeviceStats {
  buffers: number;
  bytes: number;
  bindGroups: number;
  submits: number;
}

/** A model and its optimizer, on the device, ready to train. */
export interface Prepared {
  /** By {@link describeAdapter}. All peers must run on the same one. */
  adapter: string;
  /** Forward, backward and AdamW; resolves to the loss before the update, read back from the device. */
  step(): Promise<number>;
  stats?(): DeviceStats;
  finish?(): void | Promise<void>;
}

export interface Peer {
  name: string;
  prepare(problem: Problem): Promise<Prepared>;
}

const load = {
  lockstep: async () => (await import('./lockstep.ts')).lockstep,
  'jax-js': async () => (await import('./jax-js.ts')).jaxJs,
  tfjs: async () => (await import('./tfjs.ts')).tfjs,
} satisfies Record<string, () => Promise<Peer>>;

export type PeerName = keyof typeof load;

export const peerNames = Object.keys(load) as PeerName[];

/** Loads one library and no other, so that a process holds only what it times. */
export function loadPeer(name: PeerName): Promise<Peer> {
  return load[name]();
}

/** An adapter in the words of its driver. */
export function describeAdapter({ description, device }: GPUAdapterInfo): string {
  return description || device;
}
