// How each family of kernels cuts a product into the tiles of its workgroups.
import type { Dispatcher } from '../device/dispatcher.ts';

/** Lanes of a workgroup of the portable family: as many as a CPU's vectors have, or enough for a GPU. */
export const portableLanes = ({ isCpu }: Dispatcher['facts']): number => (isCpu ? 8 : 32);

/** Rows and columns of C that a workgroup of the device's family computes; tiled ones take `quads` times 64 of both. */
export function tileOf({ families: { matmul }, facts }: Dispatcher, quads = 1): { rows: number; columns: number } {
  if (matmul === 'portable') return { rows: 8, columns: 4 * portableLanes(facts) };
  return matmul === 'subgroup' ? { rows: 32, columns: 32 } : { rows: 64 * quads, columns: 64 * quads };
}

/** Workgroups of a product. */
export function tilesOf(
  device: Dispatcher,
  { m, n, batch = 1 }: { readonly m: number; readonly n: number; readonly batch?: number },
  quads?: number,
): [x: number, y: number, z: number] {
  const { rows, columns } = tileOf(device, quads);
  return [Math.ceil(n / columns), Math.ceil(m / rows), batch];
}
