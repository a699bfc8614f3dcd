import { once } from 'node:events';
import { Connection, encodeControl, encodeFrame, maxFrameBytes, type Session, shakeHands } from '@lockstep/collectives';
import { connect, type NodeConnectOptions, openSocket } from '@lockstep/collectives/node';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { type Hub, type HubOptions, startHub } from './hub.ts';

const token = 'secret';
const name = 'worker-0';
const lines: string[] = [];
const open: { close(): Promise<void> }[] = [];

async function start(options: Partial<HubOptions> = {}): Promise<Hub> {
  const hub = await startHub({ size: 1, token, log: (line) => lines.push(line), ...options });
  open.push(hub);
  return hub;
}

async function join(hub: Hub, member = name, options: Partial<NodeConnectOptions> = {}): Promise<Session> {
  const session = await connect({ url: hub.url, token, name: member, ...options });
  open.push(session);
  return session;
}

/** Both members of a job of two. */
function joinTwo(hub: Hub): Promise<[Session, Session]> {
  return Promise.all([join(hub, 'a'), join(hub, 'b')]);
}

afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.close();
  lines.length = 0;
  vi.restoreAllMocks();
});

describe('a job', () => {
  test('welcomes its members and gives them their ranks', async () => {
    const hub = await start({ size: 2, welcome: { shards: 8, run: 'moby-dick' } });
    const sessions = await joinTwo(hub);
    expect(sessions.map(({ rank, size }) => [rank, size])).toEqual([
      [0, 2],
      [1, 2],
    ]);
    for (const session of sessions) {
      expect(session.view).toMatchObject({ epoch: 1, members: [{ name: 'a' }, { name: 'b' }] });
      expect(session.welcome).toEqual({ shards: 8, run: 'moby-dick' });
    }
  });

  test('carries values to the launcher and back, in order', async () => {
    const got: unknown[] = [];
    const hub = await start({ onMessage: (member, value) => got.push([member, value]) });
    const session = await join(hub);
    for (let step = 0; step < 3; step++) session.send({ step });
    await vi.waitFor(() => expect(got).toEqual([0, 1, 2].map((step) => [name, { step }])));
    hub.broadcast('stop');
    const heard = await new Promise((resolve) => session.onMessage(resolve));
    expect(heard).toBe('stop');
  });

  test('keeps values that come before anybody listens', async () => {
    const got: unknown[] = [];
    const hub = await start({ onMessage: () => hub.broadcast('second') });
    const session = await join(hub);
    hub.broadcast('first');
    session.send('please');
    await vi.waitFor(() => {
      session.onMessage((value) => got.push(value));
      expect(got).toEqual(['first', 'second']);
    });
  });

  test('refuses a value that is too large where it is sent', async () => {
    const session = await join(await start());
    expect(() => session.send('x'.repeat(2 ** 21))).toThrow('expected at most 1048576 bytes');
  });

  test('reports a member that is lost, and not one that has left', async () => {
    const lost: string[] = [];
    const hub = await start({ size: 2, onLost: (member) => lost.push(member) });
    const joining = join(hub, 'a');
    const member = await rawMember(hub, 'b');
    await (await joining).close();
    member.terminate();
    await vi.waitFor(() => expect(lost).toEqual(['b']));
  });

  test('ends for its workers when the hub goes', async () => {
    const hub = await start();
    const session = await join(hub);
    await hub.close();
    await expect(session.ended).resolves.toMatchObject({ code: 'PEER_LOST', peer: 'hub' });
  });
});

describe('at the door', () => {
  test('a wrong token is refused with one line, which does not hold it', async () => {
    const hub = await start();
    const refused = connect({ url: hub.url, token: 'guess', name });
    await expect(refused).rejects.toMatchObject({ code: 'CONFIG', message: expect.stringContaining('token') });
    expect(lines).toEqual(['hub: connection of a stranger ended: expected proof of the token, got a wrong one']);
    expect(lines.join()).not.toMatch(/guess|secret/);
  });

  test('a name is taken once', async () => {
    const hub = await start({ size: 2 });
    await rawMember(hub);
    await expect(join(hub)).rejects.toMatchObject({
      code: 'CONFIG',
      message: `connect: hub: the name ${name} is taken`,
    });
    expect((await join(hub, 'other')).size).toBe(2);
  });

  test('a complete job takes nobody', async () => {
    const hub = await start();
    await join(hub);
    await expect(connect({ url: hub.url, token, name: 'late' })).rejects.toMatchObject({ code: 'CONFIG' });
  });

  test.each<[string, number, (socket: WebSocket) => unknown]>([
    ['text', 4003, (socket) => socket.send('hello')],
    ['a short frame', 4003, (socket) => socket.send(Uint8Array.of(1, 2))],
    ['another protocol version', 4002, (socket) => socket.send(encodeFrame('proof', new Uint8Array(80)).with(0, 9))],
    ['a message instead of a proof', 4003, (socket) => socket.send(encodeControl({ kind: 'leave' }))],
    ['a proof of nothing', 4001, (socket) => socket.send(encodeFrame('proof', forged()))],
    ['much more than a proof', 4003, (socket) => socket.send(encodeFrame('proof', new Uint8Array(100_000)))],
    ['an oversized frame', 1009, (socket) => socket.send(new Uint8Array(maxFrameBytes + 1))],
    ['silence', 4004, () => {}],
  ])('%s is refused with its code and one line, and disturbs nobody', async (_, code, speak) => {
    const hub = await start({ size: 2, admissionTimeoutMs: 300 });
    const waiting = join(hub, 'a');
    const socket = new WebSocket(hub.url);
    await once(socket, 'open');
    speak(socket);
    const [closedWith] = await once(socket, 'close');
    expect(closedWith).toBe(code);
    expect(lines).toHaveLength(1);
    await join(hub, 'b');
    expect((await waiting).size).toBe(2);
  });

  test('a port in use is one clear line', async () => {
    const { port } = await start();
    await expect(start({ port })).rejects.toMatchObject({
      code: 'CONFIG',
      message: expect.stringContaining(`${port}, which is in use`),
    });
  });

  test('no hub at all is told at once', async () => {
    const hub = await start();
    await hub.close();
    await expect(join(hub)).rejects.toMatchObject({
      code: 'PEER_LOST',
      message: `connect: no hub answers at ${hub.url}`,
    });
  });

  test('a job that never completes ends the wait', async () => {
    const hub = await start({ size: 2 });
    await expect(connect({ url: hub.url, token, viewTimeoutMs: 1 })).rejects.toMatchObject({ code: 'TIMEOUT' });
  });
});

/** A proof of the right form. */
function forged(): Uint8Array {
  return Uint8Array.of(...new Uint8Array(65), ...Buffer.from('worker-0'));
}

/** A member that speaks the protocol by hand. */
async function rawMember(hub: Hub, member = name): Promise<Connection> {
  const connection = new Connection(openSocket(hub.url), {});
  await shakeHands(connection, { token, purpose: 'hub', name: member });
  await connection.next();
  connection.outbox.post(encodeControl({ kind: 'introduce', host: 'zz', addresses: {} }));
  return connection;
}

describe('a member that breaks the protocol', () => {
  const header = { epoch: 1, from: 1, to: 0, tag: 0, total: 1, offset: 0 };

  test.each<[string, Uint8Array<ArrayBuffer>]>([
    ['a malformed frame', Uint8Array.of(1)],
    ['a forged sender', encodeFrame('eager', Uint8Array.of(1), { ...header, from: 0 })],
    ['a rank that is not there', encodeFrame('eager', Uint8Array.of(1), { ...header, to: 7 })],
    ['a message of the hub', encodeControl({ kind: 'gone', epoch: 1, rank: 0 })],
    ['a second introduction', encodeControl({ kind: 'introduce', host: 'yy', addresses: {} })],
    ['broken msgpack', encodeFrame('control', Uint8Array.of(0xc1))],
    ['a second proof', encodeFrame('proof', new Uint8Array(40))],
  ])('with %s is cut off with one line, and lost to the others', async (_, frame) => {
    const lost: string[] = [];
    const hub = await start({ size: 2, onLost: (member) => lost.push(member) });
    const joining = join(hub, 'a');
    const member = await rawMember(hub, 'b');
    const a = await joining;
    const pending = a.transport.recv(1, 0, new Uint8Array(1));
    member.outbox.post(frame);
    await expect(pending).rejects.toMatchObject({ code: 'PEER_LOST', peer: 1 });
    expect((await member.ended).code).toBe(4003);
    expect([lines.length, lost]).toEqual([1, ['b']]);
  });

  test('a frame of another view is dropped', async () => {
    const hub = await start({ size: 2 });
    const joining = join(hub, 'a');
    const member = await rawMember(hub, 'b');
    const a = await joining;
    member.outbox.post(encodeFrame('eager', Uint8Array.of(1), { ...header, epoch: 2 }));
    member.outbox.post(encodeFrame('eager', Uint8Array.of(2), header));
    const into = new Uint8Array(1);
    await a.transport.recv(1, 0, into);
    expect(into[0]).toBe(2);
    member.terminate();
  });
});

test('what waits for a reader that does not read is bounded on both sides of the hub', async () => {
  const cap = 2 ** 20;
  const total = 64 * 2 ** 20;
  const grant = { epoch: 1, from: 1, to: 0, tag: 0, offset: 0 };
  let mostBuffered = 0;
  const { send } = WebSocket.prototype as { send: (this: WebSocket, ...args: unknown[]) => void };
  vi.spyOn(WebSocket.prototype, 'send').mockImplementation(function (this: WebSocket, ...args) {
    Reflect.apply(send, this, args);
    mostBuffered = Math.max(mostBuffered, this.bufferedAmount);
  });
  const hub = await start({ size: 2, maxBufferedBytes: cap });
  const joining = join(hub, 'a', { maxBufferedBytes: cap });
  const reader = await rawMember(hub, 'b');
  const a = await joining;
  reader.outbox.post(encodeFrame('grant', new Uint8Array(0), { ...grant, total }));

  reader.socket.pause!();
  const pause = vi.spyOn(WebSocket.prototype, 'pause');
  const sending = a.transport.send(1, 0, new Uint8Array(total));
  let arrived = 0;
  await vi.waitFor(() => expect(pause).toHaveBeenCalled(), { timeout: 20_000 }); // by the hub, on its sender
  reader.read((frame) => {
    if (frame.kind === 'piece') arrived += frame.length;
  });
  reader.socket.resume!();
  await sending;
  await vi.waitFor(() => expect(arrived).toBe(total), { timeout: 20_000 });
  expect(mostBuffered).toBeGreaterThan(cap);
  expect(mostBuffered).toBeLessThan(2 * cap);
  reader.terminate();
});
