// Turns what zod found wrong with a run into one line: who, what was expected where, what was there, and the name that was
// probably meant.
import * as z from 'zod';
import { nearest } from './nearest.ts';
import { type Shape, unwrap } from './schema-paths.ts';

/** The first of `error`'s findings about `value`, for the error that `who` throws. Misspelt names come first: they explain the rest. */
export function explain(
  who: string,
  { schema, error, value, prefix = '' }: { schema: z.ZodType; error: z.ZodError; value: unknown; prefix?: string },
): string {
  const unknown = error.issues.find((issue) => issue.code === 'unrecognized_keys');
  const issue = unknown ?? error.issues[0]!;
  const path = unknown ? [...issue.path, unknown.keys[0]!] : issue.path;
  const got = `got ${show(valueAt(value, path))}`;
  if (unknown)
    return `${who}: ${prefix}${path.join('.')}: ${unknownName(unknown.keys[0]!, groupAt(schema, unknown.path, value))}, ${got}`;
  const place = path.length > 0 ? `${prefix}${path.join('.')}: ` : prefix === '' ? '' : `${prefix.slice(0, -1)}: `;
  return `${who}: ${place}expected ${expectation(schemaAt(schema, path, value))}, ${got}`;
}

function unknownName(name: string, shape: Shape): string {
  const meant = nearest(name, Object.keys(shape));
  return meant
    ? `expected a known name, such as ${meant} (${expectation(unwrap(shape[meant]!))})`
    : `expected one of ${Object.keys(shape).join(', ')}`;
}

/** In the words of the schema's author, else in those that follow from its type. */
const expectation = (schema: z.ZodType): string => schema.description ?? wordsOf(schema);

function wordsOf(schema: z.ZodType): string {
  if (schema instanceof z.ZodNumber) return numberWords(schema);
  if (schema instanceof z.ZodBoolean) return 'true or false';
  if (schema instanceof z.ZodString) return 'some text';
  if (schema instanceof z.ZodEnum) return Object.values(schema.enum).join(' or ');
  if (schema instanceof z.ZodLiteral) return [...schema.values].map((value) => JSON.stringify(value)).join(' or ');
  if (schema instanceof z.ZodObject) return `the settings ${Object.keys(schema.shape).join(', ')}`;
  return 'another value';
}

function numberWords({ format, minValue, maxValue }: z.ZodNumber): string {
  const kind = format === 'safeint' || format === 'int32' || format === 'uint32' ? 'a whole number' : 'a number';
  const least =
    Number.isFinite(minValue ?? -Infinity) && minValue !== Number.MIN_SAFE_INTEGER ? ` from ${minValue}` : '';
  const most = Number.isFinite(maxValue ?? Infinity) && maxValue !== Number.MAX_SAFE_INTEGER ? ` to ${maxValue}` : '';
  return `${kind}${least}${most}`;
}

/** The schema of the place that `path` leads to, or the last one on the way that there is. */
function schemaAt(schema: z.ZodType, path: readonly PropertyKey[], value: unknown): z.ZodType {
  const here = unwrap(schema);
  const next = path.length > 0 ? shapeOf(here, value)[path[0]!] : undefined;
  return next ? schemaAt(next, path.slice(1), valueAt(value, path.slice(0, 1))) : here;
}

function groupAt(schema: z.ZodType, path: readonly PropertyKey[], value: unknown): Shape {
  return shapeOf(schemaAt(schema, path, value), valueAt(value, path));
}

/** The settings of a group. Where it may be one of several, `value` itself names which. */
function shapeOf(schema: z.ZodType, value: unknown): Shape {
  if (schema instanceof z.ZodObject) return schema.shape as Shape;
  if (!(schema instanceof z.ZodDiscriminatedUnion)) return {};
  const { discriminator, options } = schema.def;
  const shapes = (options as z.ZodObject[]).map((option) => option.shape as Shape);
  return shapes.find((shape) => (shape[discriminator] as z.ZodLiteral).value === valueAt(value, [discriminator])) ?? {};
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown> | null | undefined)?.[key], value);
}

/** A value on one line, and never a long one. */
function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'function') return 'a function';
  if (value instanceof RegExp) return String(value);
  const text = typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? typeof value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
