// How an optimizer goes over the parameters of a model: which group takes which, which are updated together and which whole, and where
// the work may be shared out. It follows from specs and definitions alone, so every worker plans the same.
import { normChunk, type Piece, sizeOf } from '@lockstep/tensor';
import type { ParameterSpec } from '../models/model.ts';
import { blockSize, type Parameters } from '../parameters.ts';
import type { CommonSettings } from './common-settings.ts';
import type { OptimizerValue } from './define-optimizer.ts';
import { type Group, groupOf, groupsOf, requireWork } from './parameter-groups.ts';
import { type Form, Forms, type StateSpec } from './update-form.ts';

/** Neighbours in the layout of the weights that are updated together, or one parameter that is updated whole. */
export interface Region extends Piece, Form {
  readonly group: number;
  /** In the order of the layout. */
  readonly specs: readonly ParameterSpec[];
}

export interface UpdatePlan {
  readonly groups: readonly Group[];
  /** In the order of the layout, without gaps. */
  readonly regions: readonly Region[];
  /** The grid of the norm, in the order of the layout: no chunk lies in two regions. */
  readonly chunks: readonly Chunk[];
  /** Where the sums of squares of chunks lie: group by group, each region's from a multiple of 64 on; what lies between them is 0. */
  readonly slots: number;
  /** The slots of each group, in the order of the groups. */
  readonly groupSlots: readonly Piece[];
  /** Where buckets and slices may begin or end, ascending, both ends of the weights included. */
  readonly cuts: readonly number[];
  /** About how much work the update is up to each cut. */
  readonly costs: readonly number[];
  /** Whether other weights than those that are trained are to be used: an average of them. */
  readonly hasUse: boolean;
  /** Numbers that are remembered, of all parameters together, and room for the trained weights where others take their place. */
  readonly remembered: number;
}

export interface Chunk extends Piece {
  readonly region: number;
  /** The place of its sum. */
  readonly slot: number;
}

/** Elements that a region remembers under a state's name. */
export function stateSize({ isWhole, size }: Region, { shape }: StateSpec): number {
  return isWhole ? sizeOf(shape) : size;
}

/** Whether each worker is to update its own part only. */
export function isSharded(value: OptimizerValue): boolean {
  return (value as Partial<CommonSettings>).shard === true;
}

/**
 * Plans an optimizer's work.
 * @throws {ConfigError} for a group that takes nothing, a parameter that none takes, and an update that does not fit its definition.
 */
export function planUpdate(value: OptimizerValue, parameters: Parameters): UpdatePlan {
  const groups = groupsOf(value);
  const who = groups.length > 1 ? 'groups' : value.kind;
  const taken = parameters.learned.map((spec) => groupOf(who, groups, spec));
  requireWork(who, { groups, taken }, parameters.learned);
  const forms = new Forms(groups);
  const regions: Region[] = [];
  for (const [i, spec] of [...parameters.learned.entries()].toReversed())
    join(regions, regionOf(spec, { group: taken[i]!, start: parameters.startOf(spec.name) }, forms));
  const chunk = normChunk(parameters.weights.size);
  const { starts, groupSlots, slots } = slotsOf(groups, regions, chunk);
  const chunks = regions.flatMap((region, i) => chunksOf(region, i, { chunk, slot: starts[i]! }));
  const inside = chunks.filter(({ region, start }) => isCut(regions[region]!, start)).map(({ start }) => start);
  const cuts = [...inside, parameters.weights.size];
  const hasUse = regions.some(({ use }) => use !== undefined);
  return {
    groups,
    regions,
    chunks,
    slots,
    groupSlots,
    cuts,
    costs: costsAt(cuts, regions),
    hasUse,
    remembered: regions.reduce((sum, region) => sum + rememberedBy(region), hasUse ? parameters.weights.size : 0),
  };
}

/** Elements between places at which a tensor may be bound. */
const slotAlignment = 64;

const countOf = ({ size }: Region, chunk: number): number => Math.ceil(size / chunk);

/** Places for the sums of chunks, group by group. */
function slotsOf(
  groups: readonly Group[],
  regions: readonly Region[],
  chunk: number,
): Pick<UpdatePlan, 'groupSlots' | 'slots'> & { readonly starts: readonly number[] } {
  const starts = regions.map(() => 0);
  let slots = 0;
  const groupSlots = groups.map((_, group) => {
    const start = slots;
    let end = slots;
    for (const [i, region] of regions.entries()) {
      if (region.group !== group) continue;
      starts[i] = slots;
      end = slots + countOf(region, chunk);
      slots = Math.ceil(end / slotAlignment) * slotAlignment;
    }
    return { start, size: end - start };
  });
  return { starts, groupSlots, slots };
}

const rememberedBy = (region: Region): number =>
  region.states.reduce((sum, state) => sum + stateSize(region, state), 0);

function regionOf(spec: ParameterSpec, { group, start }: { group: number; start: number }, forms: Forms): Region {
  const size = Math.ceil(sizeOf(spec.shape) / blockSize) * blockSize;
  return { group, start, size, specs: [spec], ...forms.of(spec, group) };
}

/** Work before each place. What is cut anywhere is as much work everywhere. */
function costsAt(cuts: readonly number[], regions: readonly Region[]): number[] {
  let [at, before] = [0, 0];
  return cuts.map((cut) => {
    for (; at < regions.length - 1 && regions[at + 1]!.start <= cut; at++) before += regions[at]!.work;
    const { start, size, work } = regions[at]!;
    return before + (work * (cut - start)) / size;
  });
}

const isCut = ({ isWhole, start }: Region, at: number): boolean => !isWhole || at === start;

/** Adds a region; what is updated element by element becomes one with its neighbour of the same group. */
function join(regions: Region[], next: Region): void {
  const last = regions.at(-1);
  if (!last || last.isWhole || next.isWhole || last.group !== next.group) regions.push(next);
  else
    regions[regions.length - 1] = {
      ...last,
      size: last.size + next.size,
      work: last.work + next.work,
      specs: [...last.specs, ...next.specs],
    };
}

function chunksOf(region: Region, index: number, { chunk, slot }: { chunk: number; slot: number }): Chunk[] {
  const { start, size } = region;
  return Array.from({ length: countOf(region, chunk) }, (_, i) => ({
    start: start + i * chunk,
    size: Math.min(chunk, size - i * chunk),
    region: index,
    slot: slot + i,
  }));
}
