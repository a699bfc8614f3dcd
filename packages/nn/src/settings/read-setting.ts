// Settings as people type them, to values of the type that the setting wants.
import * as z from 'zod';
import { variantsOf } from './schema-paths.ts';

/**
 * The number that a text is: decimal, with or without sign, point, exponent and leading zeros, such as 42, -1, 007, 5e-4 or .5.
 * Nothing where it is none; 0x10, 1_000 and 1,000 are none.
 */
export function readNumber(text: string): number | undefined {
  return /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i.test(text) ? Number(text) : undefined;
}

/**
 * The value that `text` is for a setting of this schema: a number or a truth value where it wants one, the JSON of a group, and
 * for words the text as it stands, or a JSON string in its quotes. A text that is none of these stays a text, for the check to
 * refuse.
 */
export function readSetting(text: string, schema: z.ZodType): unknown {
  const variants = variantsOf(schema);
  const wants = (...kinds: readonly { new (...args: never[]): z.ZodType }[]): boolean =>
    variants.some((variant) => kinds.some((kind) => variant instanceof kind));
  const json = readJSON(text);
  if (wants(z.ZodObject) && typeof json === 'object' && json !== null) return json;
  if (wants(z.ZodBoolean) && typeof json === 'boolean') return json;
  if (wants(z.ZodNumber) && readNumber(text) !== undefined) return readNumber(text);
  return typeof json === 'string' ? json : text;
}

/** What a text is as JSON; nothing where it is none. */
export function readJSON(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
