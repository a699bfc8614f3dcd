// Settings given on the command line, as `path=value`, put over those of a run.
import { ConfigError } from '@lockstep/errors';
import { withSettings } from '@lockstep/nn';
import type { Run } from './run.ts';

/**
 * The run with each override in place, later ones over earlier, and checked as a whole. A value is read as its setting wants it:
 * `model.layers=4`, `name=20250101` (words are taken as they stand), `validation={"every":5}`.
 * @throws {ConfigError} for an override without `=`, an unknown path, or a value of another type or out of range.
 */
export function overrideRun(run: Run, overrides: readonly string[]): Run {
  return overrides.length === 0 ? run : withSettings(run, overrides.map(parseOverride), { who: '--set' });
}

/** The names that lead to a setting, and what it is to be. @throws {ConfigError} for a text without `=`. */
export function parseOverride(override: string): { path: string[]; text: string } {
  const [, path, text] = /^([^=]+)=(.*)$/s.exec(override) ?? [];
  if (path === undefined || text === undefined)
    throw new ConfigError(`--set: expected path=value such as model.layers=4, got ${override}`);
  return { path: path.trim().split('.'), text };
}
