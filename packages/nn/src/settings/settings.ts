// The building blocks of the run's schema. Each carries, as its description, what may stand in its place: the words that
// `explain.ts` puts after "expected".
import * as z from 'zod';

/** The bound of a number that has no other, such as steps. */
const largest = 2 ** 31 - 1;

export function whole({ from = 1, to = largest }: { from?: number; to?: number } = {}): z.ZodNumber {
  return z.int().min(from).max(to).describe(`a whole number from ${from} to ${to}`);
}

/** A number in a closed interval; `above` and `below` leave its ends out. */
export function real({
  from,
  to,
  above,
  below,
}: {
  from?: number;
  to?: number;
  above?: number;
  below?: number;
}): z.ZodNumber {
  const least = above === undefined ? `from ${from}` : `above ${above}`;
  const most = below === undefined ? `to ${to}` : `and below ${below}`;
  const bounded = z
    .number()
    .gte(from ?? -Infinity)
    .lte(to ?? Infinity)
    .gt(above ?? -Infinity)
    .lt(below ?? Infinity);
  return bounded.describe(`a number ${least} ${most}`);
}

export function powerOfTwo({ to }: { to: number }): z.ZodNumber {
  return whole({ to })
    .refine((value) => Number.isInteger(Math.log2(value)))
    .describe(`a power of two from 1 to ${to}`);
}

export function words(description: string, pattern: RegExp = /^/): z.ZodString {
  return z.string().regex(pattern).describe(description);
}

/** Named settings and no others. */
export function settings<Shape extends z.core.$ZodLooseShape>(shape: Shape): z.ZodObject<Shape, z.core.$strict> {
  return z.strictObject(shape).describe(`the settings ${Object.keys(shape).join(', ')}`);
}
