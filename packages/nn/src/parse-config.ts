// config.json comes from elsewhere: what is used of it is checked first.
import type * as z from 'zod';
import { ConfigError } from './errors.ts';

/** The settings that the schema knows. @throws {ConfigError} naming the first that is missing, mistyped or unsupported. */
export function parseConfig<Schema extends z.ZodType>(schema: Schema, config: unknown): z.output<Schema> {
  const parsed = schema.safeParse(config);
  if (parsed.success) return parsed.data;
  const { path, message } = parsed.error.issues[0]!;
  const value = path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown> | undefined)?.[key], config);
  throw new ConfigError(`config.json: ${path.join('.') || 'top level'}: ${message}, got ${JSON.stringify(value)}`);
}
