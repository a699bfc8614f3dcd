// Who has which shards, and which ranks share a host: what schedules and choices are made from.

import { ConfigError } from '@lockstep/errors';
import { nodesOf, shardRange, type ShardRange } from '../shard-tree.ts';

export interface Layout {
  readonly size: number;
  readonly shards: number;
  /** The nodes of the shard tree that each rank holds at first. */
  readonly nodes: readonly (readonly ShardRange[])[];
  /** Ranks by host, each host's contiguous. */
  readonly hosts: readonly (readonly number[])[];
}

export interface LayoutOptions {
  /**
   * Leaves of the tree: a power of two, at least the number of workers, the same on every rank. Unless given, every rank
   * is one leaf, whatever their number.
   */
  readonly shards?: number;
  /** The shards of each rank, contiguous and in the order of ranks; evenly divided unless given. */
  readonly ranges?: readonly ShardRange[];
  /** The host of each rank, the ranks of a host being neighbours; one host unless given. */
  readonly hosts?: readonly string[];
  /** The most shards that one of the nodes given to a reduction covers, the same on every rank. */
  readonly nodeLimit?: number;
}

/** The layout of `size` ranks. @throws {ConfigError} unless shards, ranges and hosts fit them. */
export function layoutOf(size: number, options: LayoutOptions): Layout {
  const { shards = size, nodeLimit, hosts = Array.from({ length: size }, () => '') } = options;
  if (options.shards !== undefined && !Number.isInteger(Math.log2(shards)))
    throw new ConfigError(`createGroup: expected a power of two of shards, got ${shards}`);
  if (size > shards)
    throw new ConfigError(`createGroup: expected at most one worker per shard (${shards}), got ${size} workers`);
  const ranges = options.ranges ?? Array.from({ length: size }, (_, rank) => shardRange(rank, size, shards));
  const covered = ranges.every(({ lo, hi }, rank) => lo === (ranges[rank - 1]?.hi ?? 0) && hi > lo);
  if (ranges.length !== size || !covered || ranges.at(-1)!.hi !== shards)
    throw new ConfigError(
      `createGroup: expected ranges that cover ${shards} shards in the order of ${size} ranks, got ${ranges.map(({ lo, hi }) => `${lo}–${hi}`).join(', ')}`,
    );
  return { size, shards, nodes: ranges.map((range) => nodesOf(range, shards, nodeLimit)), hosts: byHost(hosts, size) };
}

/** The same ranks on the same hosts, with so many shards evenly divided among them. @throws {ConfigError} */
export function dividedLayout({ size, hosts }: Layout, shards: number): Layout {
  return { ...layoutOf(size, { shards }), hosts };
}

function byHost(hosts: readonly string[], size: number): number[][] {
  const groups = new Map<string, number[]>();
  hosts.forEach((host, rank) => groups.set(host, [...(groups.get(host) ?? []), rank]));
  const all = [...groups.values()];
  if (hosts.length !== size || all.flat().some((rank, i) => rank !== i))
    throw new ConfigError(
      `createGroup: expected a host for each of ${size} ranks, neighbours together, got ${hosts.join(', ')}`,
    );
  return all;
}

/** What tells how calls are cut and who meets whom, as a number: the same on all ranks whose groups are alike, and most likely another where they are not. */
export function numberOf(...what: readonly unknown[]): number {
  const words = JSON.stringify(what);
  let hash = 0x811c9dc5; // FNV-1a (Fowler, Noll, Vo)
  for (let i = 0; i < words.length; i++) hash = Math.imul(hash ^ words.charCodeAt(i), 0x01000193) >>> 0;
  return hash;
}
