// What a worker's own listener and the flows between workers do with strangers, floods and sleepers: each ends with its
// code and one line, and the others do not notice.

import { once } from 'node:events';
import {
  closeCode,
  Connection,
  encodeControl,
  encodeFrame,
  maxFrameBytes,
  type Session,
  shakeHands,
} from '@lockstep/collectives';
import { connect, type NodeConnectOptions, type NodeSocket, openSocket } from '@lockstep/collectives/node';
import { afterEach, describe, expect, test } from 'vitest';
import { createIdentity } from '../packages/collectives/src/node/identity.ts';
import { type Hub, startHub } from '../packages/lockstep/src/hub/hub.ts';

const token = 'secret';
const mebibyte = 2 ** 20;
const open: { close(): Promise<void> }[] = [];
/** Of c, the member that speaks by hand. */
const identity = createIdentity();
const lines: string[] = [];
const log = (line: string): void => void lines.push(line);

afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.close();
  lines.length = 0;
});

async function start(size: number): Promise<Hub> {
  const hub = await startHub({ size, token, job: 'moby', log });
  open.push(hub);
  return hub;
}

async function join(hub: Hub, name: string, options: Partial<NodeConnectOptions> = {}): Promise<Session> {
  const session = await connect({ url: hub.url, token, name, log, ...options });
  open.push(session);
  return session;
}

/** Workers a and b, and in place of c a member that speaks the protocol by hand. */
async function withRogue(direct = true): Promise<{ a: Session; b: Session; hub: Connection }> {
  const hub = await start(3);
  const joining = Promise.all([join(hub, 'a', { direct }), join(hub, 'b', { direct })]);
  const rogue = new Connection(openSocket(hub.url), {});
  await shakeHands(rogue, { token, purpose: 'hub', name: 'c' });
  rogue.outbox.post(encodeControl({ kind: 'introduce', host: '~', addresses: { 'ws-key': identity.publicKey } }));
  rogue.read(() => {});
  const [a, b] = await joining;
  return { a, b, hub: rogue };
}

/** The connection on which c sends to a worker. */
async function dial(to: Session): Promise<Connection> {
  const { addresses } = to.view.members[to.rank]!;
  const connection = new Connection(openSocket(addresses['ws']!), {});
  const shared = identity.agree(addresses['ws-key']!)!;
  await shakeHands(connection, { token, purpose: `worker ${to.name}`, job: to.job, name: 'c', shared });
  return connection;
}

async function expectUndisturbed(a: Session, b: Session): Promise<void> {
  const into = new Uint8Array(300_000);
  await Promise.all([a.transport.send(b.rank, 5, into.slice().fill(6)), b.transport.recv(a.rank, 5, into)]);
  expect(into.every((byte) => byte === 6)).toBe(true);
}

const header = { epoch: 1, from: 2, to: 0, tag: 1, total: 1, offset: 0 };
const flood = (connection: Connection): void => {
  const bytes = new Uint8Array(60_000);
  for (let i = 0; i < 80; i++)
    connection.outbox.post(encodeFrame('eager', bytes, { ...header, tag: i, total: bytes.length }));
};

describe('at a worker’s listener', () => {
  test.each<[string, number, (socket: NodeSocket) => unknown]>([
    ['text', closeCode.malformed, (socket) => socket.send('hello')],
    ['a short frame', closeCode.malformed, (socket) => socket.send(Uint8Array.of(1, 2))],
    [
      'another version',
      closeCode.wrongVersion,
      (socket) => socket.send(encodeFrame('proof', new Uint8Array(80)).with(0, 9)),
    ],
    ['an oversized frame', closeCode.tooBig, (socket) => socket.send(new Uint8Array(maxFrameBytes + 1))],
    [
      'data instead of a proof',
      closeCode.malformed,
      (socket) => socket.send(encodeFrame('eager', Uint8Array.of(1), header)),
    ],
  ])('%s is refused with its code and one line, and disturbs nobody', async (_, code, speak) => {
    const { a, b } = await withRogue();
    const socket = openSocket(a.view.members[0]!.addresses['ws']!);
    const closed = once(socket, 'close');
    await once(socket, 'open');
    speak(socket);
    expect((await closed)[0]).toBe(code);
    expect(lines).toHaveLength(1);
    await expectUndisturbed(a, b);
  });

  test.each<[string, number, { token?: string; job?: string; purpose?: 'hub'; name?: string; shared?: undefined }]>([
    ['a wrong token', closeCode.wrongToken, { token: 'guess' }],
    ['a proof that was meant for the hub', closeCode.wrongToken, { purpose: 'hub' }],
    ['a wrong job', closeCode.wrongJob, { job: 'other' }],
    ['a member without its key', closeCode.wrongToken, { shared: undefined }],
    ['a member in another’s name', closeCode.wrongToken, { name: 'b' }],
    ['a member in the name of nobody', closeCode.wrongToken, { name: 'd' }],
    ['a member in the name of whom it speaks to', closeCode.wrongToken, { name: 'a' }],
  ])('%s is refused with its code and one line without it', async (_, code, change) => {
    const { a, b } = await withRogue();
    const connection = new Connection(openSocket(a.view.members[0]!.addresses['ws']!), {});
    const shared = identity.agree(a.view.members[0]!.addresses['ws-key']!)!;
    const shaking = shakeHands(connection, { token, purpose: 'worker a', name: 'c', shared, ...change });
    await expect(shaking).rejects.toThrow('closed connection');
    expect((await connection.ended).code).toBe(code);
    expect(lines).toHaveLength(1);
    expect(lines.join()).not.toMatch(/guess|secret/);
    await expectUndisturbed(a, b);
  });

  test('a name has one connection', async () => {
    const { a, b } = await withRogue();
    const first = await dial(a);
    first.read(() => {});
    const second = await dial(a);
    expect((await second.ended).code).toBe(closeCode.nameTaken);
    await expectUndisturbed(a, b);
    first.terminate();
  });
});

describe('a wrong job', () => {
  test('is refused by the hub with its code and one line', async () => {
    const hub = await start(1);
    const refused = connect({ url: hub.url, token, job: 'other', name: 'a' });
    await expect(refused).rejects.toMatchObject({
      code: 'CONFIG',
      message: 'connect: expected job moby, got job other',
    });
    expect(lines).toEqual(['hub: connection of a stranger ended: expected job moby, got job other']);
    expect((await join(hub, 'a', { job: 'moby' })).job).toBe('moby');
  });

  test('what answers without knowing the token is not a hub', async () => {
    const hub = await startHub({ size: 1, token: 'another', log });
    open.push(hub);
    await expect(connect({ url: hub.url, token, name: 'a' })).rejects.toMatchObject({ code: 'CONFIG' });
  });
});

describe.each([true, false])('a peer that breaks the protocol (direct: %s)', (direct) => {
  const route = async (a: Session, hub: Connection): Promise<Connection> => (direct ? dial(a) : hub);

  test.each<[string, number, (connection: Connection) => void]>([
    ['floods', closeCode.flood, flood],
    [
      'sends what was not asked for',
      closeCode.flood,
      (to) => to.outbox.post(encodeFrame('piece', Uint8Array.of(1), header)),
    ],
    [
      'credits what was not sent',
      closeCode.malformed,
      (to) => to.outbox.post(encodeFrame('credit', new Uint8Array(0), { ...header, tag: 0 })),
    ],
  ])('ends for who receives when it %s, and for nobody else', async (_, code, misbehave) => {
    const { a, b, hub } = await withRogue(direct);
    const connection = await route(a, hub);
    const reset: number[] = [];
    connection.read((frame) => void (frame.kind === 'reset' && reset.push(frame.total)));
    const pending = a.transport.recv(2, 1000, new Uint8Array(1));
    misbehave(connection);
    await expect(pending).rejects.toMatchObject({ code: 'PROTOCOL', message: expect.stringMatching(/rank 2|credit/) });
    await expect(a.transport.send(2, 0, new Uint8Array(1))).rejects.toThrow();
    if (direct) expect((await connection.ended).code).toBe(code);
    expect(lines.filter((line) => line.startsWith('a: rank 2 broke the protocol'))).toHaveLength(1);
    expect(a.traffic(2).earlyBytes).toBeLessThanOrEqual(4 * mebibyte);
    await expectUndisturbed(a, b);
    hub.terminate();
  });
});

describe.each([true, false])('while a receiver sleeps (direct: %s)', (direct) => {
  test('what is in flight to it has a cap, and all of it arrives when it wakes', async () => {
    const hub = await start(2);
    const [a, b] = await Promise.all([join(hub, 'a', { direct }), join(hub, 'b', { direct })]);
    const [small, large] = [new Uint8Array(50_000), new Uint8Array(20 * mebibyte)];
    const sending = Promise.all([
      ...Array.from({ length: 200 }, (_, i) => a.transport.send(1, i, small.slice().fill(i))),
      a.transport.send(1, 1000, large.fill(9)),
    ]);
    let most = 0;
    for (let i = 0; i < 50; i++) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      const { unconsumedBytes, bufferedBytes } = a.traffic(1);
      most = Math.max(most, unconsumedBytes + bufferedBytes, b.traffic(0).earlyBytes);
    }
    expect(most).toBeGreaterThan(3 * mebibyte);
    expect(most).toBeLessThanOrEqual(4 * mebibyte + 2 * mebibyte + 600_000);
    const intos = [...Array.from({ length: 200 }, () => small.slice()), large.slice().fill(0)];
    await Promise.all(intos.map((into, i) => b.transport.recv(0, i === 200 ? 1000 : i, into)));
    await sending;
    expect(intos.every((into, i) => into.every((byte) => byte === (i === 200 ? 9 : i)))).toBe(true);
  });
});

test('a peer that cannot be reached directly is reached through the hub, which is said once', async () => {
  const hub = await start(2);
  const unreachable = { ws: 'ws://127.0.0.1:1' };
  const [a, b] = await Promise.all([join(hub, 'a'), join(hub, 'b', { addresses: unreachable })]);
  await expectUndisturbed(a, b);
  await expectUndisturbed(a, b);
  expect(lines).toEqual([expect.stringMatching(/^a: rank 1 is reached through the hub/)]);
});

test('a worker that dies is lost at once to who sends to it and who waits for it', async () => {
  const hub = await start(3);
  const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((name) => join(hub, name)));
  await expectUndisturbed(a!, c!);
  await expectUndisturbed(c!, a!);
  const waiting = expect(a!.transport.recv(2, 0, new Uint8Array(9))).rejects.toMatchObject({
    code: 'PEER_LOST',
    peer: 2,
  });
  const sending = expect(b!.transport.send(2, 0, new Uint8Array(mebibyte))).rejects.toMatchObject({ peer: 2 });
  c!.abort();
  await Promise.all([waiting, sending]);
  await expectUndisturbed(a!, b!);
});

test('workers know the hub’s clock', async () => {
  const hub = await start(1);
  const session = await join(hub, 'a');
  expect(Math.abs(await session.clockOffset())).toBeLessThan(20); // one process: no offset
});
