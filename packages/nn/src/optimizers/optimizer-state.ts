// What optimizers remember, on the host: cut into what each owner has, and put together under the names of states and parameters.
import { type Piece, sizeOf } from '@lockstep/tensor';
import { CheckpointError } from '@lockstep/errors';
import { blockSize, type TensorMap } from '../parameters.ts';
import type { StateSpec } from './update-form.ts';
import { type Region, stateSize, type UpdatePlan } from './update-plan.ts';

/** A part of a region that one owner updates. */
export interface Segment extends Piece {
  readonly region: number;
}

/** The parts of regions that lie in ranges. */
export function segmentsOf({ regions }: UpdatePlan, ranges: readonly Piece[]): Segment[] {
  return regions.flatMap((region, i) =>
    ranges.flatMap((range) => {
      const start = Math.max(region.start, range.start);
      const end = Math.min(region.start + region.size, range.start + range.size);
      return end > start ? [{ region: i, start, size: end - start }] : [];
    }),
  );
}

/** Numbers that are remembered of a segment, state by state. */
export function segmentLength({ regions }: UpdatePlan, { region, size }: Segment): number {
  const of = regions[region]!;
  return of.states.reduce((sum, state) => sum + (of.isWhole ? stateSize(of, state) : size), 0);
}

/** A region's state of all its parameters, in the layout of the weights, or a whole parameter's own. */
export function packRegion(region: Region, { shape, stored }: StateSpec, values: TensorMap): Float32Array<ArrayBuffer> {
  const flat = new Float32Array(region.isWhole ? stateSize(region, { shape, stored } as StateSpec) : region.size);
  let at = 0;
  for (const spec of region.specs) {
    const wanted = region.isWhole ? shape : spec.shape;
    const value = values.get(spec.name);
    if (!value || value.shape.join() !== wanted.join())
      throw new CheckpointError(
        `optimizer: expected ${stored} of ${spec.name} [${wanted.join(', ')}], got ${value ? `[${value.shape.join(', ')}]` : 'nothing of that name'}`,
      );
    flat.set(value.data, at);
    at += paddedSize(spec);
  }
  return flat;
}

/**
 * The whole memory by stored name, then by parameter, from that of all who hold a part.
 * @param held of each holder its segments, and what {@link Optimizer.readOwn} gave there
 */
export function unpackStates(
  { regions }: UpdatePlan,
  held: readonly { readonly segments: readonly Segment[]; readonly own: Float32Array }[],
): Map<string, TensorMap> {
  const flat = regions.map((region) => region.states.map((state) => new Float32Array(stateSize(region, state))));
  for (const { segments, own } of held) {
    let at = 0;
    for (const { region, start, size } of segments) {
      const of = regions[region]!;
      for (const [i, state] of of.states.entries()) {
        const length = of.isWhole ? stateSize(of, state) : size;
        flat[region]![i]!.set(own.subarray(at, at + length), of.isWhole ? 0 : start - of.start);
        at += length;
      }
    }
  }
  return named(regions, flat);
}

/** The weights to use: of each parameter what its optimizer names, or the weight itself. */
export function usedWeights(
  { regions }: UpdatePlan,
  weights: TensorMap,
  optimizer: ReadonlyMap<string, TensorMap>,
): TensorMap {
  const used = new Map(weights);
  for (const { specs, states, use } of regions)
    for (const { name } of use === undefined ? [] : specs)
      used.set(name, optimizer.get(states[use!]!.stored)!.get(name)!);
  return used;
}

function named(
  regions: readonly Region[],
  flat: readonly (readonly Float32Array<ArrayBuffer>[])[],
): Map<string, TensorMap> {
  const all = new Map<string, TensorMap>();
  // Checkpoints have parameters in the model's order, which the layout turns around.
  for (const [r, region] of [...regions.entries()].toReversed()) {
    for (const [i, { stored, shape }] of region.states.entries()) {
      const values = all.get(stored) ?? (new Map() as TensorMap);
      all.set(stored, values);
      let end = flat[r]![i]!.length;
      for (const spec of region.specs.toReversed()) {
        const own = region.isWhole ? shape : spec.shape;
        const start = region.isWhole ? 0 : (end -= paddedSize(spec));
        values.set(spec.name, { shape: own, data: flat[r]![i]!.slice(start, start + sizeOf(own)) });
      }
    }
  }
  return all;
}

const paddedSize = ({ shape }: { readonly shape: readonly number[] }): number =>
  Math.ceil(sizeOf(shape) / blockSize) * blockSize;
