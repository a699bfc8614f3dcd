// What a script gives on one worker it has to give on all: looked at in some steps, since each look is a message to everybody.
import type { Group } from '@lockstep/collectives';
import { ConfigError } from '@lockstep/errors';

type Look = string | number | object | (() => Promise<string>);

/** The first steps, and ever fewer of those that follow. */
const isLookedAt = (step: number): boolean => (step & (step - 1)) === 0;

/**
 * @param looks what is to be the same, by what it is called in messages
 * @throws {ConfigError} on all workers, naming what differs and the ranks that differ from the first.
 */
export async function requireAlike(
  group: Group,
  step: number,
  looks: Readonly<Record<string, Look>>,
  { always = false }: { always?: boolean } = {},
): Promise<void> {
  if (group.size === 1 || !(always || isLookedAt(step))) return;
  const entries = Object.entries(looks).map(async ([what, look]) => {
    const seen: unknown = typeof look === 'function' ? await look() : look;
    return [what, typeof seen === 'string' ? seen : JSON.stringify(seen)] as const;
  });
  const own = Object.fromEntries(await Promise.all(entries));
  const all = (await group.allGatherValues(own)) as (typeof own)[];
  for (const what of Object.keys(own)) {
    const others = all.flatMap((one, rank) => (one[what] === all[0]![what] ? [] : [rank]));
    if (others.length > 0)
      throw new ConfigError(
        `trainer: expected ${what} of step ${step} to be the same on every worker, got another on rank ${others.join(', ')}\nhint: rows, rates and state follow from the step and what the trainer gives, never from rank, time or Math.random`,
      );
  }
}
