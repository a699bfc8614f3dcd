// What the command line asks of a script's trainer: written by the launcher, read by `createTrainer` on every worker.
import { ConfigError } from '@lockstep/errors';
import * as z from 'zod';

export interface TrainerWishes {
  /** The folder to write to. */
  readonly out?: string | undefined;
  /** Whether to go on from the latest checkpoint. */
  readonly resume?: boolean | undefined;
  /** Whether to do so even where something else is computed. */
  readonly force?: boolean | undefined;
}

const variable = 'LOCKSTEP_TRAINER';

const schema = z.object({
  out: z.string().optional(),
  resume: z.boolean().optional(),
  force: z.boolean().optional(),
});

/** @throws {ConfigError} where nothing is to be gone on with. */
export function trainerEnvironment(wishes: TrainerWishes): Record<string, string> {
  if (wishes.force && !wishes.resume)
    throw new ConfigError('--force: expected a run to go on with, got none\nhint: --resume --force');
  return { [variable]: JSON.stringify(wishes) };
}

/** Nothing where no command has started this process. */
export function trainerWishes(): TrainerWishes {
  const value = process.env[variable];
  return value === undefined ? {} : schema.parse(JSON.parse(value));
}
