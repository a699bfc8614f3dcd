// What a run is made of (models, losses, optimizers, schedules, datasets, and the run itself) are values that carry their own definition: plain
// settings that anyone can read, print and override, checked by the schema of what they are settings of. There is no list of
// kinds anywhere: whoever has such a value has all that belongs to it.
import * as z from 'zod';
import { ConfigError } from '@lockstep/errors';
import { quoteValue } from '../quote.ts';
import { explain } from './explain.ts';

export type Role = 'run' | 'model' | 'loss' | 'optimizer' | 'schedule' | 'dataset';

/** What stands behind a value's settings. */
export interface Definition<Settings extends object = object> {
  readonly role: Role;
  /** Its name in records, messages, and in front of its settings' errors. */
  readonly name: string;
  /** What the settings may be; without it any that JSON can hold. */
  readonly settings?: z.ZodType<Settings> | undefined;
  /** Rules between settings. Returns what is wrong, in the form `setting: expected …, got …`. */
  readonly check?: ((settings: Settings) => string | undefined) | undefined;
}

/** Checked settings, which nobody can change, of what `kind` names. */
export type Defined<Settings extends object = object> = Settings & { readonly kind: string };

const definitionKey = Symbol.for('lockstep.definition');

export interface DefineOptions {
  /** Who the error's message begins with; the definition's name unless given. */
  readonly who?: string;
  /** What stands in front of a setting's name in messages. */
  readonly path?: string;
}

/**
 * Checks settings and fills in their defaults. Nothing is read or computed.
 * @throws {ConfigError} for the first that is unknown, missing or out of range, with the nearest name and the range.
 */
export function defined<Settings extends object>(
  definition: Definition<Settings>,
  settings: unknown,
  { who = definition.name, path = '' }: DefineOptions = {},
): Defined<Settings> {
  const parsed = definition.settings
    ? parse(definition.settings, settings, { who, path })
    : (plain(settings ?? {}, { who, path }) as Settings);
  const wrong = definition.check?.(parsed);
  if (wrong !== undefined) throw new ConfigError(`${who}: ${path}${wrong}`);
  const value = { kind: definition.name, ...parsed };
  Object.defineProperty(value, definitionKey, { value: definition });
  return freeze(value);
}

function parse<Settings>(
  schema: z.ZodType<Settings>,
  settings: unknown,
  { who, path }: Required<DefineOptions>,
): Settings {
  const strict = (schema instanceof z.ZodObject ? schema.strict() : schema) as z.ZodType<Settings>;
  const value = settings ?? {};
  const parsed = strict.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new ConfigError(explain(who, { schema: strict, error: parsed.error, value, prefix: path }));
}

/** Whether a value is what a definition of this role made. */
export function isDefined(value: unknown, role?: Role): value is Defined {
  const definition = typeof value === 'object' && value !== null && definitionIn(value);
  return definition ? role === undefined || definition.role === role : false;
}

/** What stands behind a value. @throws {ConfigError} for one that no definition made. */
export function definitionOf<Some extends Definition = Definition>(value: Defined): Some {
  const definition = definitionIn(value);
  if (!definition) throw new ConfigError(`expected what a define… function made, got ${quoteValue(value)}`);
  return definition as Some;
}

const definitionIn = (value: object): Definition | undefined =>
  (value as { readonly [definitionKey]?: Definition })[definitionKey];

/** The settings alone, as their definition took them. */
export function settingsOf<Settings extends object>(value: Defined<Settings>): Settings {
  const { kind: _, ...settings } = value;
  return settings as unknown as Settings;
}

/** A setting that is a value of a role, such as a run's model. @param example what somebody would write there. */
export function valueOf<Value extends Defined = Defined>(role: Role, example: string): z.ZodType<Value, Value> {
  return z.custom<Value>((value) => isDefined(value, role)).describe(example);
}

/** A value that JSON can hold, with values of definitions inside it. @throws {ConfigError} for a function, a symbol, or a number that is none. */
function plain(value: unknown, { who, path }: Required<DefineOptions>): unknown {
  if (isDefined(value) || value === null || ['string', 'boolean'].includes(typeof value)) return value;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  const at = (name: string): Required<DefineOptions> => ({ who, path: `${path}${name}.` });
  if (Array.isArray(value)) return value.map((one, i) => plain(one, at(String(i))));
  if (isGroup(value)) {
    const entries = Object.entries(value).filter(([, one]) => one !== undefined);
    return Object.fromEntries(entries.map(([name, one]) => [name, plain(one, at(name))]));
  }
  const place = path === '' ? '' : `${path.slice(0, -1)}: `;
  const got = typeof value === 'number' ? String(value) : value === undefined ? 'nothing' : `a ${typeof value}`;
  throw new ConfigError(`${who}: ${place}expected settings that JSON can hold, got ${got}`);
}

const isGroup = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && [Object.prototype, null].includes(Object.getPrototypeOf(value));

function freeze<T extends object>(value: T): T {
  for (const part of Object.values(value)) if (typeof part === 'object' && part !== null) freeze(part as object);
  return Object.freeze(value);
}
