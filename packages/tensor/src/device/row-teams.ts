// How kernels that reduce rows divide them among lanes: the one place that knows the two families.
import type { Dispatcher } from './dispatcher.ts';

export interface RowTeams {
  readonly workgroups: [x: number, y: number, z: number];
  /** `team` lanes work on a row, `lanes` make a workgroup. */
  readonly constants: { readonly lanes: number; readonly team: number };
}

/**
 * Portable: one lane per row. Tiled: one workgroup per row, as wide as the row up to 256 lanes. Which lane adds what
 * depends on the row's length alone, never on the number of rows.
 */
export function rowTeams(device: Dispatcher, rows: number, columns: number): RowTeams {
  if (device.families.rows === 'portable')
    return { workgroups: device.grid(rows / 32), constants: { lanes: 32, team: 1 } };
  const lanes = Math.min(256, Math.max(32, 2 ** Math.ceil(Math.log2(columns))));
  return { workgroups: device.grid(rows), constants: { lanes, team: lanes } };
}
