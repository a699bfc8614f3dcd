// Which wire a job's workers use, as a pure function of what each of them offers, so that all choose the same one.
import { ConfigError } from '@lockstep/collectives';

export const bridgeWishes = ['auto', 'ws', 'ucx'] as const;

/** What is asked for: `auto` takes the faster bridge that all workers have. */
export type BridgeWish = (typeof bridgeWishes)[number];

/** A worker, and what it could use. */
export interface BridgeOffer {
  readonly name: string;
  /** Equal for workers of one machine. */
  readonly host: string;
  /** Why it has no UCX, in a few words. */
  readonly lack?: string | undefined;
  /** Missing where UCX is not installed, or must not be used. */
  readonly ucx?: {
    readonly hasRdma: boolean;
    /** Equal for workers that can share memory: of one machine and one user. */
    readonly host: string;
    readonly version: string;
    /** How many workers of this machine there is shared memory for. */
    readonly room: number;
  };
}

export interface BridgeChoice {
  readonly bridge: Exclude<BridgeWish, 'auto'>;
  /** Why it is this one, in a few words. */
  readonly reason: string;
}

/**
 * The bridge for a job. UCX is taken by itself where all workers share memory, which no stranger can reach. Between hosts
 * it goes over an RDMA fabric, and only where it is asked for: UCX asks nobody who he is, so every host there has to be
 * trusted.
 * @throws {ConfigError} when `ucx` is asked for and cannot be had.
 */
export function chooseBridge({ asked, members }: { asked: BridgeWish; members: readonly BridgeOffer[] }): BridgeChoice {
  if (asked === 'ws') return { bridge: 'ws', reason: 'asked for' };
  const obstacle = obstacleOf(members, asked);
  if (!obstacle) return { bridge: 'ucx', reason: asked === 'ucx' ? 'asked for' : 'all share one host' };
  if (asked === 'auto') return { bridge: 'ws', reason: obstacle.reason };
  throw new ConfigError(`--bridge: expected ${obstacle.expected}\nhint: ${obstacle.hint}, or --bridge auto`);
}

interface Obstacle {
  readonly reason: string;
  readonly expected: string;
  readonly hint: string;
}

/** What keeps workers from UCX, if something does. */
function obstacleOf(members: readonly BridgeOffer[], asked: BridgeWish): Obstacle | undefined {
  const without = members.find(({ ucx }) => !ucx);
  if (without)
    return {
      reason: `${without.name} offers no ucx${without.lack === undefined ? '' : `: ${without.lack}`}`,
      expected: `every worker to offer ucx, got none from ${without.name}`,
      hint: 'apt-get install libucx0 on every machine',
    };
  const cramped = members.find((member) => !hasRoom(member, members));
  if (cramped)
    return {
      reason: `/dev/shm has too little room beside ${cramped.name}`,
      expected: `shared memory for all workers beside ${cramped.name}, got too little in /dev/shm`,
      hint: 'give the container more (docker run --shm-size=1g)',
    };
  const other = members.find(({ ucx }) => ucx!.version !== members[0]!.ucx!.version);
  if (other)
    return {
      reason: `${other.name} has another version of UCX`,
      expected: `one version of UCX, got ${members[0]!.ucx!.version} and, from ${other.name}, ${other.ucx!.version}`,
      hint: 'install the same version of libucx0 on all machines',
    };
  return obstacleBetween(members, asked);
}

function obstacleBetween(members: readonly BridgeOffer[], asked: BridgeWish): Obstacle | undefined {
  if (members.every(({ ucx }) => ucx!.host === members[0]!.ucx!.host)) return undefined;
  const wired = members.find(({ ucx }) => !ucx!.hasRdma);
  if (asked === 'ucx' && !wired) return undefined;
  return {
    reason: 'they share no memory',
    expected: `workers that share memory, or an RDMA device for each, got none for ${wired?.name}`,
    hint: 'UCX over TCP lets strangers in and is never used',
  };
}

const hasRoom = ({ host, ucx }: BridgeOffer, members: readonly BridgeOffer[]): boolean =>
  members.filter((member) => member.host === host).length <= ucx!.room;
