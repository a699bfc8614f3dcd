// Somebody between the members of a job who reads and writes what goes over the wire, without TLS: it may end a connection,
// but nothing that it forges, changes, repeats, reorders or leaves out is taken for what a member has said.
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { encodeControl, encodeFrame, type Session } from '@lockstep/collectives';
import { connect } from '@lockstep/collectives/node';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { WebSocketServer } from 'ws';
import { type Hub, startHub } from '../../packages/lockstep/src/hub/hub.ts';
import { type Direction, handshakeMessages, relayTo, type Tamper } from './relay.ts';

const token = 'secret';
const lines: string[] = [];
const log = (line: string): void => void lines.push(line);
const open: { close(): Promise<void> }[] = [];
const got: unknown[] = [];

afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.close();
  lines.length = got.length = 0;
});

async function start(options: Partial<Parameters<typeof startHub>[0]> = {}): Promise<Hub> {
  const hub = await startHub({ size: 1, token, log, onMessage: (_, value) => void got.push(value), ...options });
  open.push(hub);
  return hub;
}

/** Does `change` to the messages of a direction once both sides are bound: to the second of them and the third. */
function tampering(direction: Direction, change: (second: Buffer, third: Buffer) => readonly Buffer[]): Tamper {
  const first = handshakeMessages[direction] + 2;
  let second: Buffer | undefined;
  return (message, n, where) => {
    if (where !== direction || n < first || n > first + 1) return [message];
    if (n === first) second = message;
    return n === first ? [] : change(second!, message);
  };
}

const flipped = (message: Buffer, at: number): Buffer => Buffer.from(message.with(at, message.at(at)! ^ 1));

describe.each<[string, (second: Buffer, third: Buffer) => readonly Buffer[]]>([
  ['changes a bit of a payload', (second, third) => [flipped(second, second.length - 1), third]],
  ['changes a bit of a header', (second, third) => [flipped(second, 20), third]],
  ['changes a bit of a tag', (second, third) => [flipped(second, 0), third]],
  ['repeats a message', (second, third) => [second, second, third]],
  ['leaves one out', (_, third) => [third]],
  ['swaps two', (second, third) => [third, second]],
  [
    'adds one of its own',
    (second, third) => [second, encodeControl({ kind: 'value', value: 'forged' }) as Buffer, third],
  ],
  ['adds one that is empty', (second, third) => [second, Buffer.alloc(0), third]],
])('a relay that %s', (_, change) => {
  test('is found out by the hub, which takes what came before and nothing else', async () => {
    const hub = await start();
    const url = await relayTo(hub.url, tampering('to hub', change));
    const session = await connect({ url, token, name: 'a', direct: false });
    for (let value = 0; value < 4; value++) session.send({ value });
    await session.ended;
    // Of messages 0 to 3 the first of all tells where the worker is, so value 1 is the second that is tampered with.
    expect(got).toEqual(got.map((__, value) => ({ value })));
    expect(got.length).toBeLessThan(4);
    expect(lines).toEqual([expect.stringMatching(/^hub: connection of a ended: expected a (message as the|tag)/)]);
  });

  test('is found out by the worker, to which the hub is lost then', async () => {
    const hub = await start();
    const url = await relayTo(hub.url, tampering('to worker', change));
    const session = await connect({ url, token, name: 'a', direct: false });
    const heard: unknown[] = [];
    session.onMessage((value) => void heard.push(value));
    for (let value = 0; value < 4; value++) hub.broadcast({ value });
    expect(await session.ended).toMatchObject({ code: 'PROTOCOL' });
    expect(heard).toEqual(heard.map((__, value) => ({ value })));
    expect(heard.length).toBeLessThan(4);
  });
});

test('a relay that only passes on is not noticed', async () => {
  const hub = await start();
  const session = await connect({
    url: await relayTo(hub.url, (message) => [message]),
    token,
    name: 'a',
    direct: false,
  });
  session.send(1);
  await vi.waitFor(() => expect(got).toEqual([1]));
  await session.close();
  expect(lines).toEqual([]);
});

test.each([0, 16, 31, 33, 64, 1000])('a challenge of %d bytes is answered with nothing', async (length) => {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  onTestFinished(() => server.close());
  const answers: unknown[] = [];
  server.on('connection', (socket) => {
    socket.on('message', (data) => answers.push(data));
    socket.send(encodeFrame('challenge', new Uint8Array(length)));
  });
  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await expect(connect({ url, token, name: 'a' })).rejects.toMatchObject({ code: 'PROTOCOL' });
  expect(answers).toEqual([]);
});

test('in a job over TLS a member that says it listens without is not dialled, and what is sent to it goes over TLS', async () => {
  let dials = 0;
  const listening = createServer((socket) => {
    dials++;
    socket.destroy();
  }).listen(0, '127.0.0.1');
  await once(listening, 'listening');
  onTestFinished(() => void listening.close());
  const plain = `ws://127.0.0.1:${(listening.address() as AddressInfo).port}`;
  const hub = await start({ size: 2, tls: 'self-signed' });
  const join = async (name: string, addresses = {}): Promise<Session> => {
    const session = await connect({ url: hub.url, fingerprint: hub.fingerprint, token, name, log, addresses });
    open.push(session);
    return session;
  };
  const [a, b] = await Promise.all([join('a'), join('b', { ws: plain })]);
  const into = new Uint8Array(100_000);
  await Promise.all([a.transport.send(1, 0, into.slice().fill(3)), b.transport.recv(0, 0, into)]);
  expect(into.every((byte) => byte === 3)).toBe(true);
  expect(dials).toBe(0);
  expect(lines).toEqual([expect.stringMatching(/^a: rank 1 is reached through the hub: expected an address over TLS/)]);
});
