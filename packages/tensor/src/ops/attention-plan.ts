// How attention divides its work: which kernels, and how many rows and columns a workgroup and a lane take. Follows from
// the head size and the adapter alone, never from how many sequences there are.
import {
  attention,
  attentionKeyGradient,
  attentionKeyGradientSubgroup,
  attentionQueryGradient,
  attentionQueryGradientSubgroup,
  attentionSubgroup,
  type Kernel,
} from '@lockstep/kernels';
import type { Dispatcher } from '../device/dispatcher.ts';

/** The constants of an attention kernel are the plan's: the families differ in them. */
type Planned<K> = K extends Kernel<infer Params, infer Binding, string> ? Kernel<Params, Binding, string> : never;

/** A lane takes `columns` columns of a row. */
type PlannedConstants = { readonly columns: number } & Readonly<Record<string, number>>;

export interface AttentionPlan {
  readonly forward: Planned<typeof attention>;
  readonly queryGradient: Planned<typeof attentionQueryGradient>;
  readonly keyGradient: Planned<typeof attentionKeyGradient>;
  /** Rows of a workgroup. */
  readonly rows: number;
  readonly constants: PlannedConstants;
}

/** The largest head size for which a workgroup's lanes were made. */
export const largestHeadSize = 256;

/** The largest of which one lane holds whole rows. */
const largestInLane = 128;

const roundUp = (value: number, step: number): number => Math.ceil(value / step) * step;

export function planAttention(device: Dispatcher, headSize: number): AttentionPlan {
  if (device.families.attention !== 'subgroup' || headSize > largestInLane) return planInTiles(device, headSize);
  const rows = Math.min(8, device.facts.subgroupMinSize);
  return { ...broadcasting, rows, constants: { head_size: headSize, rows, columns: roundUp(headSize, 8) } };
}

/** The kernels that go through tiles, in workgroup memory or in that of each lane. */
export function planInTiles(device: Dispatcher, headSize: number): AttentionPlan {
  const unrolled = device.facts.isCpu ? 0 : 1;
  if (device.families.attention === 'tiled' || headSize > largestInLane)
    return { ...inTiles, ...tiles(device, headSize, unrolled) };
  return { ...inTiles, rows: 8, constants: { head_size: headSize, rows: 8, columns: roundUp(headSize, 4), unrolled } };
}

const inTiles = { forward: attention, queryGradient: attentionQueryGradient, keyGradient: attentionKeyGradient };

const broadcasting = {
  forward: attentionSubgroup,
  queryGradient: attentionQueryGradientSubgroup,
  keyGradient: attentionKeyGradientSubgroup,
};

/** Lanes that every adapter lets a workgroup have. */
const mostLanes = 256;

/** At most 16 columns a lane, as many rows as fit, up to 64, and tiles of as many rows, up to 32, as workgroup memory holds. */
function tiles(
  { limits }: Dispatcher,
  headSize: number,
  unrolled: number,
): { rows: number; constants: PlannedConstants } {
  const parts = Math.ceil(headSize / 16);
  const rows = Math.min(64, Math.floor(mostLanes / parts));
  const columns = roundUp(headSize / parts, 4);
  const bytesOfProducts = rows * parts * 32;
  const bytesOfTileRow = 2 * parts * columns * 4;
  const fitting = Math.floor((limits.maxComputeWorkgroupStorageSize - bytesOfProducts) / bytesOfTileRow / 4) * 4;
  const tile = Math.min(32, fitting);
  return { rows, constants: { head_size: headSize, share: 1, unrolled, rows, parts, columns, tile } };
}
