// Who takes part. Ranks, and with them shard ranges, follow from a view by a pure function, so that nobody has to tell
// anybody its rank.

/** A worker as the others of its job see it. */
export interface Member {
  /** Unique within the job. */
  readonly name: string;
  /** The machine it runs on: workers with equal ones share it. A browser draws its own. */
  readonly host: string;
  /** How to reach it directly, by bridge; none where only the hub can. */
  readonly addresses: Readonly<Record<string, string>>;
}

/** The members of a job from one change to the next. */
export interface View {
  /** Counts the views of a job from 1. */
  readonly epoch: number;
  /** In the order of ranks. */
  readonly members: readonly Member[];
}

/** The rank of the member called `name`, or −1 when the view is without it. */
export function rankOf(view: View, name: string): number {
  return view.members.findIndex((member) => member.name === name);
}

/**
 * Members in the order of ranks, which does not depend on who was first: the ranks of a host are contiguous, and
 * worker-2 comes before worker-10.
 */
export function inRankOrder(members: readonly Member[]): readonly Member[] {
  return members.toSorted(
    (a, b) => compare(a.host, b.host) || a.name.length - b.name.length || compare(a.name, b.name),
  );
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
