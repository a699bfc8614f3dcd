// The weights that a run begins with instead of random numbers: those of its parameters that are found in the folder of a model, or of
// another run. What is not found is drawn from the seed, as without.
import type { ParameterSpec, TensorMap } from '@lockstep/nn';
import { findWeights, readWeights, specsIn } from '@lockstep/nn/node';
import { ConfigError } from '@lockstep/errors';
import type { StartingWeights } from '../run/run.ts';
import { weightsSha256 } from '../weights-sha256.ts';
import { findModelFolder } from './find-model.ts';

export interface FoundWeights {
  /** By the names of parameters. */
  readonly weights: TensorMap;
  /** The sha256 of these weights, by which all workers know that they have the same. */
  readonly sha256: string;
  /** Names of parameters that were asked for and are not there. */
  readonly missing: readonly string[];
}

/**
 * Reads what a folder has of a model's parameters.
 * @param folder a model's in Hugging Face's layout, a run's, or a checkpoint's.
 * @throws {ConfigError} for a folder that holds none of them. @throws {CheckpointError} for a tensor of another shape, or damaged.
 */
export async function readStartingWeights(
  specs: readonly ParameterSpec[],
  { folder, only }: StartingWeights,
): Promise<FoundWeights> {
  const wanted = only ? specs.filter(({ name }) => only.some((begin) => name.startsWith(begin))) : specs;
  requireNamed(only, specs);
  const stored = await findWeights(await findModelFolder(folder, { who: 'from' }));
  const found = specsIn(stored, wanted);
  if (found.length === 0) {
    const names = Array.from(stored.tensors.keys()).slice(0, 3).join(', ');
    throw new ConfigError(
      `from: expected parameters of the model, such as ${wanted[0]!.name}, got ${names || 'none'} in ${stored.source}`,
    );
  }
  const weights = await readWeights(stored, found);
  const missing = wanted.filter((spec) => !found.includes(spec)).map(({ name }) => name);
  return { weights, sha256: await weightsSha256(weights), missing };
}

function requireNamed(only: readonly string[] | undefined, specs: readonly ParameterSpec[]): void {
  const stray = only?.find((begin) => !specs.some(({ name }) => name.startsWith(begin)));
  if (stray === undefined) return;
  const names = specs.slice(0, 3).map(({ name }) => name);
  throw new ConfigError(
    `from.only: expected beginnings of the names of parameters, such as ${names.join(', ')}, got ${JSON.stringify(stray)}`,
  );
}
