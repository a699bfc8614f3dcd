// Settings given on the command line, as `path=value`, put over those of a run.
import { ConfigError } from '../errors.ts';
import { parseRun } from './define-run.ts';
import { readJSON, readSetting } from './read-setting.ts';
import { runSchema } from './run-schema.ts';
import type { Run } from './run.ts';
import { settingAt } from './schema-paths.ts';

type Settings = { [name: string]: unknown };

/**
 * The run with each override in place, later ones over earlier, and checked as a whole. A value is read as its setting wants it:
 * `model.layers=4`, `name=20250101` (words are taken as they stand), `schedule={"kind":"constant",…}`.
 * @throws {ConfigError} for an override without `=`, an unknown path, or a value of another type or out of range.
 */
export function overrideRun(run: Run, overrides: readonly string[]): Run {
  if (overrides.length === 0) return run;
  const changed = structuredClone(run) as unknown as Settings;
  for (const override of overrides) {
    const { path, text } = parseOverride(override);
    const schema = settingAt(runSchema, path);
    put(changed, path, schema ? readSetting(text, schema) : (readJSON(text) ?? text));
  }
  return parseRun(changed, { who: '--set' });
}

/** The names that lead to a setting, and what it is to be. @throws {ConfigError} for a text without `=`. */
export function parseOverride(override: string): { path: string[]; text: string } {
  const [, path, text] = /^([^=]+)=(.*)$/s.exec(override) ?? [];
  if (path === undefined || text === undefined)
    throw new ConfigError(`--set: expected path=value such as model.layers=4, got ${override}`);
  return { path: path.trim().split('.'), text };
}

/** Makes the groups that are missing on the way: the check of the whole says which of them nobody knows. */
function put(group: Settings, [name, ...rest]: readonly string[], value: unknown): void {
  const inner = Object.hasOwn(group, name!) ? group[name!] : undefined;
  const next = rest.length === 0 ? value : typeof inner === 'object' && inner !== null ? inner : {};
  // An assignment to __proto__ would go unseen.
  Object.defineProperty(group, name!, { value: next, enumerable: true, configurable: true, writable: true });
  if (rest.length > 0) put(next as Settings, rest, value);
}
