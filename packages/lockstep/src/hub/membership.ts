// Who belongs to a job: the one place that decides it, as a pure state machine. It knows neither sockets nor clocks;
// the hub feeds it events and carries out the effects.

import { rankOf, type View } from '@lockstep/collectives';

export interface Membership {
  /** Members that make the job complete. */
  readonly size: number;
  /** Names, in the order of arrival. */
  readonly present: readonly string[];
  /** Missing until the job is complete. */
  readonly view?: View;
}

export type MembershipEvent =
  | { readonly kind: 'joined'; readonly member: string }
  /** It said farewell. */
  | { readonly kind: 'left'; readonly member: string }
  /** Its connection ended without a farewell. */
  | { readonly kind: 'lost'; readonly member: string };

export type MembershipEffect =
  | { readonly kind: 'refuse'; readonly why: 'full' | 'nameTaken' }
  | { readonly kind: 'welcome'; readonly member: string }
  | { readonly kind: 'publish'; readonly view: View }
  /** Tell those who remain. */
  | { readonly kind: 'tellGone'; readonly epoch: number; readonly rank: number }
  /** Tell the launcher. */
  | { readonly kind: 'reportLost'; readonly member: string };

interface Outcome {
  readonly next: Membership;
  readonly effects: readonly MembershipEffect[];
}

/** What an event makes of a membership, and what is to be done about it. */
export function advance(state: Membership, event: MembershipEvent): Outcome {
  return event.kind === 'joined' ? join(state, event.member) : depart(state, event);
}

function join(state: Membership, member: string): Outcome {
  if (state.view) return { next: state, effects: [{ kind: 'refuse', why: 'full' }] };
  if (state.present.includes(member)) return { next: state, effects: [{ kind: 'refuse', why: 'nameTaken' }] };
  const next = { ...state, present: [...state.present, member] };
  const welcome: MembershipEffect = { kind: 'welcome', member };
  if (next.present.length < state.size) return { next, effects: [welcome] };
  const view: View = { epoch: 1, members: next.present.toSorted(byLengthThenText) };
  return { next: { ...next, view }, effects: [welcome, { kind: 'publish', view }] };
}

function depart(state: Membership, { kind, member }: MembershipEvent): Outcome {
  if (!state.present.includes(member)) return { next: state, effects: [] };
  const next = { ...state, present: state.present.filter((name) => name !== member) };
  const effects: MembershipEffect[] = [];
  if (state.view) effects.push({ kind: 'tellGone', epoch: state.view.epoch, rank: rankOf(state.view, member) });
  if (kind === 'lost') effects.push({ kind: 'reportLost', member });
  return { next, effects };
}

/** Ranks must not depend on who was first. worker-2 comes before worker-10. */
function byLengthThenText(a: string, b: string): number {
  return a.length - b.length || (a < b ? -1 : 1);
}
