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
import { expectShape, type Shape } from '../shape.ts';

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

/** The largest head size for which a lane's registers were made. */
export const largestHeadSize = 128;

export interface AttentionHeads {
  /** Heads of queries. */
  readonly heads: number;
  /** Heads of keys and values, each shared by heads / kvHeads heads of queries; as many as `heads` unless given. */
  readonly kvHeads?: number;
}

/** Sizes in a packed (B, T, (heads + 2·kvHeads)·D). @throws {ShapeError} */
export function packedSizes(
  op: string,
  shape: Shape,
  { heads, kvHeads = heads }: AttentionHeads,
): { batches: number; tokens: number; kvHeads: number; headSize: number } {
  const [batches = 0, tokens = 0, width = 0] = shape;
  const headSize = width / (heads + 2 * kvHeads);
  const grouped = heads >= 1 && kvHeads >= 1 && Number.isInteger(heads / kvHeads);
  const fits = shape.length === 3 && tokens > 0 && Number.isInteger(headSize) && headSize >= 1;
  const rule = `(B, T, (heads + 2·kvHeads)·D) with ${heads} heads, a multiple of ${kvHeads} kvHeads, and D ≤ ${largestHeadSize}`;
  expectShape(grouped && fits && headSize <= largestHeadSize, op, rule, shape);
  return { batches, tokens, kvHeads, headSize };
}

const roundUp = (value: number, step: number): number => Math.ceil(value / step) * step;

export function planAttention(device: Dispatcher, headSize: number): AttentionPlan {
  const family = device.families.attention;
  const unrolled = device.facts.isCpu ? 0 : 1;
  if (family === 'tiled') return { ...shared, ...tiles(device, headSize, unrolled) };
  if (family === 'portable')
    return { ...shared, rows: 8, constants: { head_size: headSize, rows: 8, columns: roundUp(headSize, 4), unrolled } };
  const rows = Math.min(8, device.facts.subgroupMinSize);
  return { ...broadcasting, rows, constants: { head_size: headSize, rows, columns: roundUp(headSize, 8) } };
}

const shared = { forward: attention, queryGradient: attentionQueryGradient, keyGradient: attentionKeyGradient };

const broadcasting = {
  forward: attentionSubgroup,
  queryGradient: attentionQueryGradientSubgroup,
  keyGradient: attentionKeyGradientSubgroup,
};

/** At most 32 columns a lane, and tiles of as many rows, up to 32, as workgroup memory holds. */
function tiles(
  { limits }: Dispatcher,
  headSize: number,
  unrolled: number,
): { rows: number; constants: PlannedConstants } {
  const rows = 32;
  const parts = Math.ceil(headSize / 32);
  const columns = roundUp(headSize / parts, 4);
  const bytesOfProducts = rows * parts * 32;
  const bytesOfTileRow = 2 * parts * columns * 4;
  const fitting = Math.floor((limits.maxComputeWorkgroupStorageSize - bytesOfProducts) / bytesOfTileRow / 4) * 4;
  const tile = Math.min(32, fitting);
  return { rows, constants: { head_size: headSize, share: 1, unrolled, rows, parts, columns, tile } };
}
