// How elementwise kernels divide their items among workgroups.
import type { Dispatcher } from './dispatcher.ts';

/** A kernel each of whose lanes takes `rounds` items. */
export interface RoundsKernel {
  readonly constants: { readonly lanes: number; readonly rounds: number };
}

/** Workgroups for a number of items. */
export function roundsGrid(
  device: Dispatcher,
  { constants: { lanes, rounds } }: RoundsKernel,
  items: number,
): [x: number, y: number, z: number] {
  return device.grid(items / (lanes * rounds));
}
