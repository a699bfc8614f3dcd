// A loss as the trainer needs it: parts of each shard that add up to the mean over the whole batch, however it is cut.
import {
  add,
  ancestorsOf,
  type Device,
  div,
  factorsOf,
  full,
  greater,
  mul,
  Parameter,
  partsOfMean,
  Tensor,
  where,
  type WeightedMean,
} from '@lockstep/tensor';
import { ConfigError } from '@lockstep/errors';
import type { Facts, ForwardInputs } from '../models/define-model.ts';
import type { Model } from '../models/model.ts';
import { definitionOf, settingsOf } from '../settings/definition.ts';
import type { LossDefinition, LossValue } from './define-loss.ts';

/** A number and what it counts, of each shard; without `weight` every shard counts alike. */
export interface Term {
  readonly numerator: Tensor; // ()
  readonly weight?: Tensor | undefined; // ()
}

export interface LossTerms {
  /** Their means are added. */
  readonly loss: readonly Term[];
  readonly metrics: ReadonlyMap<string, Term>;
}

/** What a loss is computed with. */
export interface LossSource {
  readonly model: Model;
  readonly loss: LossValue;
  readonly facts: Facts;
}

/**
 * Records a loss.
 * @throws {ConfigError} for one that is no scalar, that is computed of a mean whose weights differ, or whose weights depend on parameters.
 */
export function lossTerms({ model, loss, facts }: LossSource, inputs: ForwardInputs): LossTerms {
  const definition = definitionOf<LossDefinition>(loss);
  const { name } = definition;
  const given = definition.compute(model.functions, inputs, { ...facts, ...settingsOf(loss) }) as
    | ReturnType<LossDefinition['compute']>
    | undefined;
  const terms = given?.loss instanceof Tensor || given?.loss === undefined ? [given?.loss] : given.loss;
  const metrics = Object.entries(given?.metrics ?? {});
  return {
    loss: terms.map((one) => termOf(one, `${name}: loss`)),
    metrics: new Map(metrics.map(([metric, one]) => [metric, termOf(one, `${name}: metrics.${metric}`)])),
  };
}

function termOf(value: unknown, who: string): Term {
  if (!(value instanceof Tensor))
    throw new ConfigError(
      `${who}: expected a scalar that ops computed, got ${value === undefined ? 'nothing' : typeof value}`,
    );
  if (value.shape.length > 0)
    throw new ConfigError(`${who}: expected a scalar, got ${String(value)}\nhint: ops.mean of it, or ops.sum`);
  const scaled = scaledMean(value);
  if (scaled) return weighted(scaled, who);
  const hidden = ancestors(value).find((one) => one !== value && partsOfMean(one));
  if (!hidden) return { numerator: value };
  throw new ConfigError(
    `${who}: expected a mean whose weights differ between shards by itself, or times a number, got something computed of one\nhint: several are added as a list, loss: [first, second.mul(0.1)]`,
  );
}

const ancestors = (tensor: Tensor): Tensor[] => [...ancestorsOf(tensor)];

/** A mean with weights, or one times a number. */
function scaledMean(value: Tensor): WeightedMean | undefined {
  const mean = partsOfMean(value);
  if (mean) return mean;
  const factors = factorsOf(value);
  const inner = factors && scaledMean(factors.tensor);
  return inner && { numerator: mul(inner.numerator, factors.factor), weight: inner.weight };
}

function weighted({ numerator, weight }: WeightedMean, who: string): Term {
  const found = ancestors(weight).find((one) => one instanceof Parameter);
  if (!found) return { numerator, weight };
  throw new ConfigError(
    `${who}: expected weights that depend on inputs and random numbers alone, got some that depend on ${(found as Parameter).name}`,
  );
}

/**
 * What each shard adds to the mean over the whole batch.
 * @param shards of the batch
 * @param totals the sum of the weights of all shards, of each term that has weights, in their order
 */
export function sharesOf(
  terms: readonly Term[],
  { shards, totals }: { shards: number; totals: Tensor | undefined },
): Tensor[] {
  let at = 0;
  return terms.map(({ numerator, weight }) => {
    if (!weight) return mul(numerator, 1 / shards);
    const total = (numerator.device as Device).view(totals!, at++, []);
    return mul(numerator, where(greater(total, 0), div(1, total), 0));
  });
}

/** A scalar of each shard of a pass, also where one value serves them all. */
export function ofEachShard(value: Tensor, shards: number): Tensor {
  return value.shards === shards ? value : add(value, full(value.device, [], 0, { shards }));
}
