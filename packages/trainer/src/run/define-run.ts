// The door between what people write and what trains: a run is checked here, once, and then trusted.
import { ConfigError } from '../errors.ts';
import { crossCheck } from './cross-checks.ts';
import { explain } from './explain.ts';
import { runSchema } from './run-schema.ts';
import type { Run, RunOptions } from './run.ts';

/**
 * Checks a run and fills in its defaults. Nothing is read or computed: a run is data, so that every command can look at it.
 * @throws {ConfigError} for the first setting that is unknown, missing or out of range, with the nearest name and the range.
 */
export function defineRun(options: RunOptions): Run {
  return parseRun(options, { who: 'defineRun' });
}

/** As {@link defineRun}, for a run of unknown origin: one from a file, or one with changes. `who` begins the error's message. */
export function parseRun(value: unknown, { who }: { who: string }): Run {
  const parsed = runSchema.safeParse(value);
  if (!parsed.success) throw new ConfigError(explain(who, { schema: runSchema, error: parsed.error, value }));
  const run = parsed.data as Run;
  crossCheck(run, who);
  return freeze(run);
}

function freeze<T extends object>(value: T): T {
  for (const part of Object.values(value)) if (typeof part === 'object' && part !== null) freeze(part as object);
  return Object.freeze(value);
}
