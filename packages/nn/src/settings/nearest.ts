// Which of the known names somebody may have meant.
import { closest, distance } from 'fastest-levenshtein';

/** The known name that is the fewest edits away, or nothing where more than half of the letters would have to change. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  if (known.length === 0) return undefined;
  const lower = new Map(known.map((one) => [one.toLowerCase(), one]));
  const found = closest(name.toLowerCase(), [...lower.keys()]);
  return distance(name.toLowerCase(), found) <= Math.max(name.length, found.length) / 2 ? lower.get(found) : undefined;
}
