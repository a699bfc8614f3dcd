import type { Member } from '@lockstep/collectives';
import { expect, test } from 'vitest';
import { advance, type Membership, type MembershipEffect, type MembershipEvent } from './membership.ts';

type Step = readonly [MembershipEvent['kind'], string, host?: string];

const here = 'here';
const at = (name: string, host = here): Member => ({ name, host, addresses: { ws: `ws://${name}` } });

function eventOf([kind, member, host]: Step): MembershipEvent {
  if (kind !== 'introduced') return { kind, member };
  const { name: _, ...place } = at(member, host);
  return { kind, member, at: place };
}

/** The effects of the last of some events, on a job of two. */
function after(...steps: readonly Step[]): readonly MembershipEffect[] {
  let state: Membership = { size: 2, present: [] };
  let effects: readonly MembershipEffect[] = [];
  for (const step of steps) ({ next: state, effects } = advance(state, eventOf(step)));
  return effects;
}

/** Both are there. */
const complete: readonly Step[] = [
  ['joined', 'a'],
  ['joined', 'b'],
  ['introduced', 'a'],
  ['introduced', 'b'],
];

test('a job waits for all its members, and for where they are', () => {
  expect(after(['joined', 'a'])).toEqual([{ kind: 'welcome', member: 'a' }]);
  expect(after(['joined', 'a'], ['introduced', 'a'])).toEqual([]);
  expect(after(...complete.slice(0, 3))).toEqual([]);
});

test('then it publishes the first view', () => {
  expect(after(...complete)).toEqual([{ kind: 'publish', view: { epoch: 1, members: [at('a'), at('b')] } }]);
});

test.each<[string, Member, Member]>([
  ['names, the shorter first', at('w2'), at('w10')],
  ['hosts, before names', at('w2', 'a'), at('w1', 'b')],
])('ranks follow the order of %s, and not who came first', (_, first, second) => {
  for (const [one, other] of [
    [first, second],
    [second, first],
  ] as const) {
    const steps = [one, other].flatMap(({ name, host }): Step[] => [
      ['joined', name],
      ['introduced', name, host],
    ]);
    expect(after(...steps)).toContainEqual({ kind: 'publish', view: { epoch: 1, members: [first, second] } });
  }
});

test('a name is taken once, and free again when its member has gone', () => {
  expect(after(['joined', 'a'], ['joined', 'a'])).toEqual([{ kind: 'refuse', why: 'nameTaken' }]);
  expect(after(['joined', 'a'], ['left', 'a'], ['joined', 'a'])).toEqual([{ kind: 'welcome', member: 'a' }]);
});

test('a member says once where it is', () => {
  const twice: MembershipEffect[] = [{ kind: 'refuse', why: 'introducedTwice' }];
  expect(after(['joined', 'a'], ['introduced', 'a'], ['introduced', 'a'])).toEqual(twice);
  expect(after(...complete, ['introduced', 'a', 'elsewhere'])).toEqual(twice);
  expect(after(['introduced', 'a'])).toEqual(twice);
});

test('nobody joins a complete job', () => {
  expect(after(['joined', 'a'], ['joined', 'b'], ['joined', 'c'])).toEqual([{ kind: 'refuse', why: 'full' }]);
  expect(after(...complete, ['lost', 'a'], ['joined', 'c'])).toEqual([{ kind: 'refuse', why: 'full' }]);
});

test('the others hear of a member that is lost or has left; the launcher only of a loss', () => {
  const gone = { kind: 'tellGone', epoch: 1, rank: 1 };
  expect(after(...complete, ['lost', 'b'])).toEqual([gone, { kind: 'reportLost', member: 'b' }]);
  expect(after(...complete, ['left', 'b'])).toEqual([gone]);
});

test('before there is a view nobody needs to hear of it', () => {
  expect(after(['joined', 'a'], ['lost', 'a'])).toEqual([{ kind: 'reportLost', member: 'a' }]);
});

test('a member goes once', () => {
  expect(after(...complete, ['left', 'b'], ['lost', 'b'])).toEqual([]);
});
