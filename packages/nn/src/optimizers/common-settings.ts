// What every optimizer may be told, those that are made of others, too.
import * as z from 'zod';
import { real } from '../settings/settings.ts';

/** As they are written down. */
export interface CommonOptions {
  /** The number by which the schedule's learning rate is multiplied; 1 unless given. */
  readonly peak?: number | undefined;
  /**
   * Whether each worker updates, and remembers what belongs to, its own part of the weights only; false unless given. It is said of
   * the outermost optimizer, and changes no bit.
   */
  readonly shard?: boolean | undefined;
  /** What names the parameters of an entry of `groups`: those that have a match, such as `/norm|bias$/`. */
  readonly matches?: RegExp | string | undefined;
}

export interface CommonSettings {
  readonly peak: number;
  readonly shard?: boolean | undefined;
  readonly matches?: string | undefined;
}

/** Whether a text is a pattern. */
function isPattern(text: string): boolean {
  try {
    return new RegExp(text, 'u') instanceof RegExp;
  } catch {
    return false;
  }
}

export const commonSettings: {
  readonly peak: z.ZodType<number, number | undefined>;
  readonly shard: z.ZodType<boolean | undefined>;
  readonly matches: z.ZodType<string | undefined>;
} = {
  peak: real({ above: 0, to: 1000 }).default(1),
  shard: z.boolean().describe('true or false').optional(),
  matches: z
    .string()
    .refine(isPattern)
    .describe('a regular expression without flags for names of parameters, such as /norm|bias$/')
    .optional(),
};

/** A schema with what every optimizer has beside its own settings, whose rules it keeps. */
export function withCommonSettings(settings: z.ZodObject): z.ZodType<object> {
  const missing = Object.entries(commonSettings).filter(([name]) => !Object.hasOwn(settings.shape, name));
  return settings.safeExtend(Object.fromEntries(missing));
}

/** Patterns as texts: settings are what JSON can hold. */
export function plainOptions(options: object = {}): object {
  const { matches } = options as { readonly matches?: unknown };
  return matches instanceof RegExp && matches.flags.replace('u', '') === ''
    ? { ...options, matches: matches.source }
    : options;
}
