import { expect, test } from 'vitest';
import { advance, type Membership, type MembershipEffect, type MembershipEvent } from './membership.ts';

/** The effects of the last of some events, on a job of two. */
function after(...events: readonly (readonly [MembershipEvent['kind'], string])[]): readonly MembershipEffect[] {
  let state: Membership = { size: 2, present: [] };
  let effects: readonly MembershipEffect[] = [];
  for (const [kind, member] of events) ({ next: state, effects } = advance(state, { kind, member }));
  return effects;
}

test('a job waits for all its members', () => {
  expect(after(['joined', 'a'])).toEqual([{ kind: 'welcome', member: 'a' }]);
});

test('then it publishes the first view', () => {
  const view = { epoch: 1, members: ['a', 'b'] };
  expect(after(['joined', 'a'], ['joined', 'b'])).toEqual([
    { kind: 'welcome', member: 'b' },
    { kind: 'publish', view },
  ]);
});

test('in which ranks do not depend on who came first', () => {
  const view = { epoch: 1, members: ['w2', 'w10'] };
  for (const names of [
    ['w2', 'w10'],
    ['w10', 'w2'],
  ] as const) {
    expect(after(['joined', names[0]], ['joined', names[1]])).toContainEqual({ kind: 'publish', view });
  }
});

test('a name is taken once, and free again when its member has gone', () => {
  expect(after(['joined', 'a'], ['joined', 'a'])).toEqual([{ kind: 'refuse', why: 'nameTaken' }]);
  expect(after(['joined', 'a'], ['left', 'a'], ['joined', 'a'])).toEqual([{ kind: 'welcome', member: 'a' }]);
});

test('nobody joins a complete job', () => {
  expect(after(['joined', 'a'], ['joined', 'b'], ['joined', 'c'])).toEqual([{ kind: 'refuse', why: 'full' }]);
  expect(after(['joined', 'a'], ['joined', 'b'], ['lost', 'a'], ['joined', 'c'])).toEqual([
    { kind: 'refuse', why: 'full' },
  ]);
});

test('the others hear of a member that is lost or has left; the launcher only of a loss', () => {
  const gone = { kind: 'tellGone', epoch: 1, rank: 1 };
  expect(after(['joined', 'a'], ['joined', 'b'], ['lost', 'b'])).toEqual([gone, { kind: 'reportLost', member: 'b' }]);
  expect(after(['joined', 'a'], ['joined', 'b'], ['left', 'b'])).toEqual([gone]);
});

test('before there is a view nobody needs to hear of it', () => {
  expect(after(['joined', 'a'], ['lost', 'a'])).toEqual([{ kind: 'reportLost', member: 'a' }]);
});

test('a member goes once', () => {
  expect(after(['joined', 'a'], ['joined', 'b'], ['left', 'b'], ['lost', 'b'])).toEqual([]);
});
