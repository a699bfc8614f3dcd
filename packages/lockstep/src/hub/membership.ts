// Who belongs to a job: the one place that decides it, as a pure state machine. It knows neither sockets nor clocks;
// the hub feeds it events and carries out the effects.

import { inRankOrder, type Member, rankOf, type View } from '@lockstep/collectives';

export interface Membership {
  /** Members that make the job complete. */
  readonly size: number;
  /** In the order of arrival. */
  readonly present: readonly (Member | Newcomer)[];
  /** Missing until the job is complete. */
  readonly view?: View;
}

/** A member that has not yet said where it is. */
interface Newcomer {
  readonly name: string;
}

export type MembershipEvent =
  | { readonly kind: 'joined'; readonly member: string }
  /** It says where it is, once. */
  | { readonly kind: 'introduced'; readonly member: string; readonly at: Omit<Member, 'name'> }
  | Departure;

/** `left` with a farewell, `lost` where its connection ended without. */
interface Departure {
  readonly kind: 'left' | 'lost';
  readonly member: string;
}

export type MembershipEffect =
  | { readonly kind: 'refuse'; readonly why: 'full' | 'nameTaken' | 'introducedTwice' }
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
  if (event.kind === 'joined') return join(state, event.member);
  if (event.kind === 'introduced') return introduce(state, event.member, event.at);
  return depart(state, event);
}

function join(state: Membership, name: string): Outcome {
  if (state.present.some((one) => one.name === name) && !state.view) return refuse(state, 'nameTaken');
  if (state.view || state.present.length === state.size) return refuse(state, 'full');
  const next = { ...state, present: [...state.present, { name }] };
  return { next, effects: [{ kind: 'welcome', member: name }] };
}

function introduce(state: Membership, name: string, at: Omit<Member, 'name'>): Outcome {
  const newcomer = state.present.find((one) => one.name === name);
  if (!newcomer || isIntroduced(newcomer)) return refuse(state, 'introducedTwice');
  const present = state.present.map((one) =>
    one === newcomer ? { name, host: at.host, addresses: at.addresses } : one,
  );
  const members = present.filter(isIntroduced);
  if (members.length < state.size) return { next: { ...state, present }, effects: [] };
  const view: View = { epoch: 1, members: inRankOrder(members) };
  return { next: { ...state, present, view }, effects: [{ kind: 'publish', view }] };
}

function depart(state: Membership, { kind, member }: Departure): Outcome {
  if (!state.present.some(({ name }) => name === member)) return { next: state, effects: [] };
  const next = { ...state, present: state.present.filter(({ name }) => name !== member) };
  const effects: MembershipEffect[] = [];
  if (state.view) effects.push({ kind: 'tellGone', epoch: state.view.epoch, rank: rankOf(state.view, member) });
  if (kind === 'lost') effects.push({ kind: 'reportLost', member });
  return { next, effects };
}

const refuse = (state: Membership, why: 'full' | 'nameTaken' | 'introducedTwice'): Outcome => ({
  next: state,
  effects: [{ kind: 'refuse', why }],
});

const isIntroduced = (one: Member | Newcomer): one is Member => 'host' in one;
