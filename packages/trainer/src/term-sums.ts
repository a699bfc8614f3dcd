// The numbers of a loss and its metrics in a row of f32: how they are put there, and read again when they have been summed over shards,
// workers and, in a validation, batches.
import { ConfigError, type LossTerms, ofEachShard, type Term } from '@lockstep/nn';
import { mul, stack, type Tensor } from '@lockstep/tensor';

/** A term's numbers: its numerator, and behind it its weight if it has one. */
export interface TermPlace {
  /** The metric's; `loss` for a part of the loss. */
  readonly name: string;
  readonly at: number;
  readonly isWeighted: boolean;
}

export interface TermSums {
  readonly places: readonly TermPlace[];
  /** The numbers of each shard. */
  readonly numbers: Tensor | undefined; // (K)
}

/** Terms by name, parts of the loss first. */
export function namedTerms({ loss, metrics }: LossTerms): [string, Term][] {
  return [...loss.map((one): [string, Term] => ['loss', one]), ...metrics];
}

/** Numbers that travel at once. @throws {ConfigError} for more terms than there is room for. */
export function termSums(
  terms: readonly [string, Term][],
  { shards, perPass, room }: { shards: number; perPass: number; room: number },
): TermSums {
  const numbers: Tensor[] = [];
  const places = terms.map(([name, { numerator, weight }]) => {
    const at = numbers.length;
    // Where all shards count alike, their number divides: a power of two, and so exact.
    numbers.push(ofEachShard(weight ? numerator : mul(numerator, 1 / shards), perPass));
    if (weight) numbers.push(ofEachShard(weight, perPass));
    return { name, at, isWeighted: weight !== undefined };
  });
  if (numbers.length > room)
    throw new ConfigError(`loss: expected at most ${room} numbers of terms and metrics, got ${numbers.length}`);
  return { places, numbers: numbers.length > 0 ? stack(numbers) : undefined };
}

/** Means by name; parts of the loss are added. @param batches how many were summed. */
export function meansOf(
  places: readonly TermPlace[],
  sums: ArrayLike<number>,
  { batches = 1 }: { batches?: number } = {},
): Record<string, number> {
  const means: Record<string, number> = {};
  for (const { name, at, isWeighted } of places) {
    const weight = isWeighted ? sums[at + 1]! : batches;
    const mean = weight > 0 ? sums[at]! / weight : 0;
    means[name] = (means[name] ?? 0) + mean;
  }
  return means;
}
