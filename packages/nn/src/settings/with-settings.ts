// Settings given as text, such as `model.layers=4`, put over those of a value and of the values inside it.
import { ConfigError } from '@lockstep/errors';
import { quoteValue } from '../quote.ts';
import { type Defined, defined, definitionOf, isDefined, settingsOf } from './definition.ts';
import { readJSON, readSetting } from './read-setting.ts';
import { settingAt } from './schema-paths.ts';

/** A setting's names from the outermost value on, and what it is to be. */
export interface SettingChange {
  readonly path: readonly string[];
  readonly text: string;
}

type Settings = { [name: string]: unknown };

/**
 * The value with each change in place, later ones over earlier, and checked as a whole. A text is read as its setting wants it:
 * numbers, truth values, words as they stand, a group as JSON.
 * @throws {ConfigError} for an unknown path, or a value of another type or out of range.
 */
export function withSettings<Value extends Defined>(
  value: Value,
  changes: readonly SettingChange[],
  { who, path = '' }: { who: string; path?: string },
): Value {
  const definition = definitionOf(value);
  const settings = { ...settingsOf(value) } as Settings;
  const inside = new Map<string, SettingChange[]>();
  for (const change of changes) {
    const [name = '', ...rest] = change.path;
    const inner = Object.hasOwn(settings, name) ? settings[name] : undefined;
    if (!isDefined(inner)) put(settings, change.path, read(change, definition.settings, inner));
    else if (rest.length > 0) inside.set(name, [...(inside.get(name) ?? []), { ...change, path: rest }]);
    else settings[name] = replaced(inner, change.text, { who, path: `${path}${name}` });
  }
  for (const [name, own] of inside)
    settings[name] = withSettings(settings[name] as Defined, own, { who, path: `${path}${name}.` });
  return defined(definition, settings, { who, path }) as Value;
}

function read(
  { path, text }: SettingChange,
  schema: Parameters<typeof settingAt>[0] | undefined,
  before: unknown,
): unknown {
  const wanted = schema && settingAt(schema, path);
  if (wanted) return readSetting(text, wanted);
  const json = readJSON(text);
  return typeof before === 'string' || json === undefined ? text : json;
}

/** A value of the same kind with other settings, all at once. */
function replaced(value: Defined, text: string, { who, path }: { who: string; path: string }): Defined {
  const json = readJSON(text);
  const example = Object.keys(settingsOf(value))[0] ?? 'setting';
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new ConfigError(
      `${who}: ${path}: expected the settings of ${value.kind}, got ${quoteValue(json ?? text)}\nhint: ${path}.${example}=… sets one`,
    );
  const { kind = value.kind, ...settings } = json as Settings;
  if (kind !== value.kind)
    throw new ConfigError(
      `${who}: ${path}.kind: expected ${value.kind}, which the run file chooses, got ${quoteValue(kind)}\nhint: another is code; write it into the run file`,
    );
  return defined(definitionOf(value), settings, { who, path: `${path}.` });
}

/** Makes the groups that are missing on the way: the check of the whole says which of them nobody knows. */
function put(group: Settings, [name, ...rest]: readonly string[], value: unknown): void {
  const inner = Object.hasOwn(group, name!) ? group[name!] : undefined;
  const isGroup = typeof inner === 'object' && inner !== null;
  const next = rest.length === 0 ? value : isGroup ? { ...inner } : {};
  // An assignment to __proto__ would go unseen.
  Object.defineProperty(group, name!, { value: next, enumerable: true, configurable: true, writable: true });
  if (rest.length > 0) put(next as Settings, rest, value);
}
