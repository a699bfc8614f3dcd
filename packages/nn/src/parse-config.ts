// config.json comes from elsewhere: what is used of it is checked first. The fields say what they expect in our own words.
import * as z from 'zod';
import { ConfigError } from '@lockstep/errors';
import { quoteValue } from './quote.ts';

/** A whole number above 0. */
export const count: z.ZodInt = z.int('expected a whole number above 0').positive('expected a whole number above 0');

/** A number above 0. */
export const positive: z.ZodNumber = z.number('expected a number above 0').positive('expected a number above 0');

/** A setting of which Lockstep computes these values alone; where it is left out, it has the first. */
export function only<const Value extends z.core.util.Literal>(
  ...values: [Value, ...Value[]]
): z.ZodDefault<z.ZodLiteral<Value>> {
  const names = values.map((value) => JSON.stringify(value));
  return z.literal(values, `expected ${names.join(' or ')}`).default(values[0] as never);
}

/** The settings that the schema knows. @throws {ConfigError} naming the first that is missing, mistyped or unsupported. */
export function parseConfig<Schema extends z.ZodType>(schema: Schema, config: unknown): z.output<Schema> {
  const parsed = schema.safeParse(config);
  if (parsed.success) return parsed.data;
  const { path, message } = parsed.error.issues[0]!;
  const value = path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown> | undefined)?.[key], config);
  throw new ConfigError(`config.json: ${[...path, message].join(': ')}, got ${quoteValue(value)}`);
}
