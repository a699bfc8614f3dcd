// Which runs are one: what of a run's settings its stored state depends on. The rest may change when a run is resumed.
import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { Run } from '../run/run.ts';
import type { RunRecord } from './run-record.ts';

/** A run's settings as a record holds them. */
export type StoredSettings = Readonly<Record<string, unknown>>;

/** The settings of a run, with those of what it is made of, as JSON holds them: functions are no settings. */
export function storedSettings(run: Run): StoredSettings {
  return JSON.parse(JSON.stringify(run)) as StoredSettings;
}

/**
 * The settings without which the stored state means nothing. Steps and what is reported may change, and so may which worker keeps what of
 * the optimizer's memory.
 */
function identityOf({ model, data, loss, optimizer, batch, shards, wire, seed }: StoredSettings): object {
  return { model, data, loss, optimizer: withoutShard(optimizer), batch, shards, wire, seed };
}

function withoutShard(value: unknown): unknown {
  if (!isGroup(value)) return value;
  const { shard: _, ...rest } = value;
  return Object.fromEntries(Object.entries(rest).map(([name, inner]) => [name, withoutShard(inner)]));
}

/** Two runs can continue each other's checkpoints exactly when their hashes are equal. */
export function runHash(run: Run): string {
  return hashOf(identityOf(storedSettings(run)));
}

/**
 * Hashes of checkpoints that continue a run, from the record of the run that wrote them: its own, those that it went on with itself, and,
 * since what is computed may be the same with other settings, that of the recorded ones. In a record of an earlier form, settings that
 * were left out are not there, and a checkpoint has the hash of them as they stood.
 */
export function hashesOf(run: Run, record: Pick<RunRecord, 'run' | 'continues'>): string[] {
  const { model, data, optimizer, batch, shards, wire, seed } = record.run;
  const { shard: _, ...rule } = optimizer as StoredSettings;
  const recorded = [
    hashOf(identityOf(record.run)),
    hashOf({ model, data, optimizer: rule, batch, shards, wire, seed }),
  ];
  return [...new Set([runHash(run), ...recorded, ...(record.continues ?? [])])];
}

function hashOf(identity: object): string {
  return createHash('sha256').update(canonical(identity)).digest('hex');
}

/** The hashes of a record that the settings of the run do not give themselves; nothing where they give all. */
export function continuedBy(run: Run, record: Pick<RunRecord, 'run' | 'continues'>): string[] | undefined {
  const own = hashesOf(run, { run: storedSettings(run) });
  const others = hashesOf(run, record).filter((hash) => !own.includes(hash));
  return others.length > 0 ? others : undefined;
}

/**
 * The first setting that keeps `next` from continuing a recorded run, as `path: old, now new`; nothing where it can.
 * @param only the settings to compare; all that count unless given
 */
export function whatChanged(before: StoredSettings, next: Run, only?: readonly string[]): string | undefined {
  const now = storedSettings(next);
  const compared = (settings: StoredSettings): object =>
    Object.fromEntries(Object.entries(identityOf(settings)).filter(([name]) => only?.includes(name) ?? true));
  return firstDifference(compared(upToDate(before, now)), compared(now), '');
}

/** A record of an earlier form: models said `architecture`, what had a default was left out, there was one loss. */
function upToDate(record: StoredSettings, now: StoredSettings): StoredSettings {
  const { model } = record as { model?: StoredSettings };
  if (typeof model?.['architecture'] !== 'string') return record;
  const { architecture: kind, ...sizes } = model;
  const filled = (name: string): unknown => ({ ...(now[name] as object), ...(record[name] as object) });
  return {
    ...record,
    model: { ...(now['model'] as object), ...sizes, kind },
    data: filled('data'),
    optimizer: filled('optimizer'),
    loss: { kind: 'nextToken' },
  };
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
