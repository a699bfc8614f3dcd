// Settings given on the command line, as `path=value`, put over those of a run.
import { ConfigError } from '../errors.ts';
import { parseRun } from './define-run.ts';
import type { Run } from './run.ts';

type Settings = { [name: string]: unknown };

/**
 * The run with each override in place, later ones over earlier, and checked as a whole. A value is JSON (`8`, `0.1`, `true`,
 * `{"kind":"sgd",…}`), or else the text itself.
 * @throws {ConfigError} for an override without `=`, an unknown path, or a value out of range.
 */
export function overrideRun(run: Run, overrides: readonly string[]): Run {
  if (overrides.length === 0) return run;
  const changed = structuredClone(run) as unknown as Settings;
  for (const override of overrides) {
    const { path, value } = parseOverride(override);
    put(changed, path, value);
  }
  return parseRun(changed, { who: '--set' });
}

function parseOverride(override: string): { path: string[]; value: unknown } {
  const [, path, text] = /^([^=]+)=(.*)$/s.exec(override) ?? [];
  if (path === undefined || text === undefined)
    throw new ConfigError(`--set: expected path=value such as model.layers=4, got ${override}`);
  return { path: path.trim().split('.'), value: parseValue(text) };
}

function parseValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Makes the groups that are missing on the way: the check of the whole says which of them nobody knows. */
function put(group: Settings, [name, ...rest]: readonly string[], value: unknown): void {
  if (rest.length === 0) {
    group[name!] = value;
    return;
  }
  const inner = Object.hasOwn(group, name!) ? group[name!] : undefined;
  if (typeof inner !== 'object' || inner === null) group[name!] = {};
  put(group[name!] as Settings, rest, value);
}
