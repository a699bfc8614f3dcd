// Which runs are one: what of a run's settings its stored state depends on. The rest may change when a run is resumed.
import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { Run } from '../run/run.ts';

/**
 * The settings without which the stored state means nothing. Schedule, steps and what is reported may change, and so may
 * which worker keeps what of the optimizer's memory.
 */
function identityOf({ model, data, optimizer, batch, shards, wire, seed }: Run): object {
  const { shard: _, ...rule } = optimizer;
  return { model, data, optimizer: rule, batch, shards, wire, seed };
}

/** Two runs can continue each other's checkpoints exactly when their hashes are equal. */
export function runHash(run: Run): string {
  return createHash('sha256')
    .update(canonical(identityOf(run)))
    .digest('hex');
}

/** The first setting that keeps `next` from continuing `before`, as `path: old, now new`; nothing where it can. */
export function whatChanged(before: Run, next: Run): string | undefined {
  return firstDifference(identityOf(before), identityOf(next), '');
}

function firstDifference(a: unknown, b: unknown, path: string): string | undefined {
  if (isDeepStrictEqual(a, b)) return undefined;
  if (!isGroup(a) || !isGroup(b))
    return `${path}: ${JSON.stringify(a) ?? 'nothing'}, now ${JSON.stringify(b) ?? 'nothing'}`;
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])];
  const differences = names.map((name) => firstDifference(a[name], b[name], path ? `${path}.${name}` : name));
  return differences.find((one) => one !== undefined);
}

const isGroup = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

/** JSON that does not depend on the order in which names were written. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    isGroup(part) ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1))) : part,
  );
}
