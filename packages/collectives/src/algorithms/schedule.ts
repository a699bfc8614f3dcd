// How the ranks of a group reduce together, as data: a list of stages. In each stage a few ranks meet, cut what they hold
// into parts, and give every part to one of them, its owner, who adds along the shard tree. What follows backwards
// through the same stages is the gathering. All algorithms are such lists, so all give the same bits.

import type { Layout } from './layout.ts';
import { nodesOf, type ShardRange } from '../shard-tree.ts';

/** One meeting. */
export interface Stage {
  /** Who meets, in the order of ranks, which is the order of the shards they cover. */
  readonly members: readonly number[];
  /** Who of them owns a part afterwards. */
  readonly owners: readonly number[];
  /** Whether every owner gets the whole instead of a part, so that nothing need be gathered. */
  readonly replicated: boolean;
  /** The nodes of the tree that each member holds before. */
  readonly nodes: readonly (readonly ShardRange[])[];
}

export const algorithmNames = ['oneShot', 'direct', 'halvingDoubling', 'twoLevel'] as const;

/**
 * - `oneShot`: everybody sends all it has to everybody. One hop; with two ranks not a byte more than the others.
 * - `direct`: every rank owns a slice and gets it from all others; then all slices go to all. Two hops.
 * - `halvingDoubling`: neighbours swap halves, then pairs of neighbours quarters, and so on; 2·log₂ size hops to few
 *   peers (Rabenseifner 2004, with distances doubling, so that the order of addition is the tree's).
 * - `twoLevel`: within a host first, then between hosts, each rank for the slice that it owns.
 */
export type AlgorithmName = (typeof algorithmNames)[number];

type Meeting = Omit<Stage, 'nodes'>;

/** The algorithms that make sense for a layout. */
export function schedulesOf(layout: Layout): ReadonlyMap<AlgorithmName, readonly Stage[]> {
  return new Map(
    algorithmNames.flatMap((name) => {
      const stages = scheduleOf(name, layout);
      return stages ? [[name, stages] as const] : [];
    }),
  );
}

/** The stages of an algorithm, or nothing where it makes no sense for the layout. */
function scheduleOf(name: AlgorithmName, layout: Layout): readonly Stage[] | undefined {
  if (layout.size === 1) return name === 'direct' ? [] : undefined;
  const meetings = meetingsOf[name](layout);
  return meetings && withNodes(meetings, layout);
}

const meetingsOf: Record<AlgorithmName, (layout: Layout) => Meeting[] | undefined> = {
  oneShot: ({ size }) => [{ ...direct(ranksBelow(size)), replicated: true }],
  direct: ({ size }) => [direct(ranksBelow(size))],
  halvingDoubling: ({ size }) => (size > 2 ? halving(ranksBelow(size).map((rank) => [rank])) : undefined),
  twoLevel: ({ hosts, size }) => (hosts.length > 1 && hosts.length < size ? twoLevel(hosts) : undefined),
};

const ranksBelow = (size: number): number[] => Array.from({ length: size }, (_, rank) => rank);
const direct = (members: readonly number[]): Meeting => ({ members, owners: members, replicated: false });

/**
 * Neighbouring blocks of ranks meet, the first of each block speaking for it, then pairs of blocks. Where the number of
 * blocks is no power of two, the first ones hand all they have to their neighbour before, and get the result at the end.
 */
function halving(blocks: readonly (readonly number[])[]): Meeting[] {
  const rounds = Math.floor(Math.log2(blocks.length));
  const extra = blocks.length - 2 ** rounds;
  const pairs = Array.from({ length: extra }, (_, i) => [blocks[2 * i]![0]!, blocks[2 * i + 1]![0]!]);
  const folds = pairs.map((members): Meeting => ({ members, owners: [members[0]!], replicated: false }));
  const rest = [...pairs.map(([first]) => first!), ...blocks.slice(2 * extra).map(([first]) => first!)];
  const swaps = ranksBelow(rounds).flatMap((round) =>
    ranksBelow(rest.length)
      .filter((i) => (i & (1 << round)) === 0)
      .map((i) => direct([rest[i]!, rest[i | (1 << round)]!])),
  );
  return [...folds, ...swaps];
}

/** As many ranks of each host own a slice as the smallest host has. */
function twoLevel(hosts: readonly (readonly number[])[]): Meeting[] {
  const owners = Math.min(...hosts.map(({ length }) => length));
  const within = hosts.map((members): Meeting => ({ members, owners: members.slice(0, owners), replicated: false }));
  const between = ranksBelow(owners).flatMap((i) => halving(hosts.map((members) => [members[i]!])));
  return [...within.filter(({ members }) => members.length > 1), ...between];
}

/** Follows what each rank holds from stage to stage. */
function withNodes(meetings: readonly Meeting[], { nodes, shards }: Layout): Stage[] {
  // Every rank brings its own nodes together first, where it was given smaller ones.
  const held = nodes.map((own) => nodesOf({ lo: own[0]!.lo, hi: own.at(-1)!.hi }, shards));
  return meetings.map((meeting) => {
    const stage: Stage = { ...meeting, nodes: meeting.members.map((member) => held[member]!) };
    const all = stage.nodes.flat();
    const covered = { lo: all[0]!.lo, hi: all.at(-1)!.hi };
    for (const owner of meeting.owners) held[owner] = nodesOf(covered, shards);
    return stage;
  });
}
