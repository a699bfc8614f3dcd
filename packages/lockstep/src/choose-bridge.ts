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
  /** Missing where UCX is not installed. */
  readonly ucx?: {
    readonly hasRdma: boolean;
    readonly version: string;
    /** How many workers of this machine there is shared memory for. */
    readonly room: number;
  };
}

export interface BridgeChoice {
  readonly bridge: Exclude<BridgeWish, 'auto'>;
  /** In a few words. */
  readonly reason: string;
}

/**
 * The bridge for a job. UCX is taken by itself where it has RDMA or shared memory to offer.
 * @throws {ConfigError} when `ucx` is asked for and a worker does not offer it.
 */
export function chooseBridge({ asked, members }: { asked: BridgeWish; members: readonly BridgeOffer[] }): BridgeChoice {
  const without = members.find(({ ucx }) => !ucx);
  if (asked === 'ucx' && without) {
    throw new ConfigError(
      `--bridge: expected every worker to offer ucx, got none from ${without.name}\nhint: apt-get install libucx0 on every machine, or --bridge auto`,
    );
  }
  const cramped = asked === 'ws' || without ? undefined : members.find((member) => !hasRoom(member, members));
  if (asked === 'ucx' && cramped) {
    throw new ConfigError(
      `--bridge: expected shared memory for all workers beside ${cramped.name}, got too little\nhint: give the container more (docker run --shm-size=1g), or use --bridge ws`,
    );
  }
  if (asked !== 'auto') return { bridge: asked, reason: 'asked for' };
  if (without) return { bridge: 'ws', reason: `${without.name} offers no ucx` };
  if (cramped) return { bridge: 'ws', reason: `/dev/shm has too little room beside ${cramped.name}` };
  const other = members.find(({ ucx }) => ucx!.version !== members[0]!.ucx!.version);
  if (other) return { bridge: 'ws', reason: `${other.name} has another version of UCX` };
  if (members.every(({ ucx }) => ucx!.hasRdma)) return { bridge: 'ucx', reason: 'all have an RDMA device' };
  if (members.every(({ host }) => host === members[0]!.host)) return { bridge: 'ucx', reason: 'all share one host' };
  return { bridge: 'ws', reason: 'several hosts, not all with RDMA' };
}

const hasRoom = ({ host, ucx }: BridgeOffer, members: readonly BridgeOffer[]): boolean =>
  members.filter((member) => member.host === host).length <= ucx!.room;
