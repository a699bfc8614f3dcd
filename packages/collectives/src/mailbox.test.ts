import { expect, test } from 'vitest';
import { PeerLostError } from '@lockstep/errors';
import { Mailbox, type Piece } from './mailbox.ts';

const whole = (...bytes: number[]): Piece => piece(bytes, 0, bytes.length);
const piece = (bytes: readonly number[], offset: number, total: number): Piece => ({
  from: 1,
  tag: 0,
  total,
  offset,
  payload: Uint8Array.from(bytes),
});

test('joins pieces, asked for before, between or after', async () => {
  for (const askAt of [0, 1, 2]) {
    const mailbox = new Mailbox();
    const into = new Uint8Array(4);
    let received: Promise<void> | undefined;
    for (const [i, part] of [piece([1, 2], 0, 4), piece([3, 4], 2, 4)].entries()) {
      if (i === askAt) received = mailbox.recv(1, 0, into);
      mailbox.deliver(part);
    }
    await (received ?? mailbox.recv(1, 0, into));
    expect([...into]).toEqual([1, 2, 3, 4]);
  }
});

test('copies what comes early', async () => {
  const mailbox = new Mailbox();
  const early = whole(1, 2);
  mailbox.deliver(early);
  early.payload.fill(9);
  const into = new Uint8Array(2);
  await mailbox.recv(1, 0, into);
  expect([...into]).toEqual([1, 2]);
});

test.each([
  ['a later piece first', [piece([3], 2, 4)]],
  ['a gap', [piece([1], 0, 4), piece([3], 2, 4)]],
  ['another total', [piece([1], 0, 4), piece([2], 1, 3)]],
  ['more than the total', [piece([1], 0, 2), piece([2, 3], 1, 2)]],
  ['an empty piece of something', [piece([], 0, 2)]],
])('refuses %s', (_, pieces) => {
  const mailbox = new Mailbox();
  expect(() => pieces.forEach((one) => mailbox.deliver(one))).toThrow(expect.objectContaining({ code: 'PROTOCOL' }));
});

test('passes over a message of the wrong length, without trusting it, and goes on', async () => {
  const mailbox = new Mailbox();
  const wrong = expect(mailbox.recv(1, 0, new Uint8Array(3))).rejects.toMatchObject({ code: 'PROTOCOL' });
  mailbox.deliver(piece([1], 0, 2));
  await wrong;
  mailbox.deliver(piece([2], 1, 2));
  mailbox.deliver(whole(7));
  const into = new Uint8Array(1);
  await mailbox.recv(1, 0, into);
  expect([...into]).toEqual([7]);
});

test('calls a peer that sends more than the limit a flood, empty messages too', () => {
  const mailbox = new Mailbox({ maxEarlyBytes: 10_000 });
  const flood = (message: Piece): void => {
    for (let i = 0; i < 1000; i++) mailbox.deliver(message);
  };
  expect(() => flood({ ...whole(), tag: 1 })).toThrow(/more than 10000 bytes/);
  expect(() => flood({ ...whole(...Array<number>(100)), from: 2 })).toThrow(/rank 2/);
});

test('counts only what waits', async () => {
  const mailbox = new Mailbox({ maxEarlyBytes: 1000 });
  const into = new Uint8Array(100);
  for (let i = 0; i < 100; i++) {
    mailbox.deliver(whole(...Array<number>(100)));
    await mailbox.recv(1, 0, into);
  }
});

test('after a loss, gives out whole messages and rejects the rest', async () => {
  const mailbox = new Mailbox();
  const halfReceived = expect(mailbox.recv(1, 5, new Uint8Array(2))).rejects.toMatchObject({ peer: 1 });
  mailbox.deliver({ ...piece([1], 0, 2), tag: 5 });
  mailbox.deliver(whole(4));
  mailbox.deliver(piece([5], 0, 2));
  mailbox.lose(1, new PeerLostError(1));
  await halfReceived;
  const into = new Uint8Array(1);
  await mailbox.recv(1, 0, into);
  expect([...into]).toEqual([4]);
  await expect(mailbox.recv(1, 0, into)).rejects.toMatchObject({ code: 'PEER_LOST' });
});
