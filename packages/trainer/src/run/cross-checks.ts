// Rules between the settings of a run. Each setting by itself has been checked before.
import { ConfigError } from '../errors.ts';
import type { Run } from './run.ts';

/** @throws {ConfigError} for settings that do not go together. */
export function crossCheck(run: Run, who: string): void {
  checkShards(run, who);
  checkHeads(run, who);
  checkValidation(run, who);
}

function checkShards({ batch, shards }: Run, who: string): void {
  if (batch % shards === 0) return;
  const near = [Math.floor(batch / shards), Math.ceil(batch / shards)]
    .filter((each) => each > 0)
    .map((each) => each * shards);
  throw new ConfigError(
    `${who}: batch: expected a multiple of shards (${shards}), got ${batch}\nhint: ${near.join(' or ')} would do`,
  );
}

function checkHeads({ model }: Run, who: string): void {
  const { heads, width } = model;
  if (width % heads !== 0)
    throw new ConfigError(`${who}: model.width: expected a multiple of model.heads (${heads}), got ${width}`);
  if (model.architecture !== 'llama') return;
  if ((width / heads) % 2 !== 0) {
    throw new ConfigError(
      `${who}: model.width: expected an even number per head for rotary positions, got ${width} over ${heads} heads`,
    );
  }
  const { kvHeads = heads } = model;
  if (heads % kvHeads !== 0)
    throw new ConfigError(`${who}: model.kvHeads: expected a divisor of model.heads (${heads}), got ${kvHeads}`);
}

function checkValidation({ data, validation }: Run, who: string): void {
  if (data.validation > 0 || validation.every === 0) return;
  throw new ConfigError(
    `${who}: data.validation: expected more than 0 for a validation every ${validation.every} steps, got 0\nhint: validation: { every: 0 } does without`,
  );
}
