// Who takes part. Ranks, and with them shard ranges, follow from a view by a pure function, so that nobody has to tell
// anybody its rank.

/** The members of a job from one change to the next. */
export interface View {
  /** Counts the views of a job from 1. */
  readonly epoch: number;
  /** Names, in the order of ranks. */
  readonly members: readonly string[];
}

/** The rank of `member`, or −1 when the view is without it. */
export function rankOf(view: View, member: string): number {
  return view.members.indexOf(member);
}
