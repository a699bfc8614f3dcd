// Somebody who can reach a job's ports and does not know its token: whatever it sends, and however many sockets it opens, it
// learns nothing, costs little, and nobody in the job notices.
import { once } from 'node:events';
import type { AddressInfo, Server, Socket } from 'node:net';
import type { Session } from '@lockstep/collectives';
import { connect } from '@lockstep/collectives/node';
import { afterEach, expect, test, vi } from 'vitest';
import { type Hub, startHub } from '../../packages/lockstep/src/hub/hub.ts';
import { bareSocket, restOf, upgradeRequest } from './sockets.ts';

const token = 'secret';
const seats = 64;
const lines: string[] = [];
const log = (line: string): void => void lines.push(line);
const open: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.close();
  lines.length = 0;
});

async function start(size: number, options: Partial<Parameters<typeof startHub>[0]> = {}): Promise<Hub> {
  const hub = await startHub({ size, token, job: 'moby', log, ...options });
  open.push(hub);
  return hub;
}

async function join(hub: Hub, name: string): Promise<Session> {
  const { url, fingerprint } = hub;
  const session = await connect({ url, token, name, log, fingerprint, timeoutMs: 30_000 });
  open.push(session);
  return session;
}

const many = <T>(count: number, make: () => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, make));

async function expectAtWork(hub: Hub, names: readonly string[]): Promise<void> {
  const sessions = await Promise.all(names.map((name) => join(hub, name)));
  const into = new Uint8Array(100_000);
  await Promise.all([sessions[0]!.transport.send(1, 0, into.slice().fill(7)), sessions[1]!.transport.recv(0, 0, into)]);
  expect(into.every((byte) => byte === 7)).toBe(true);
}

/** Ports on which this process listens. */
function ports(): number[] {
  const { _getActiveHandles } = process as unknown as { _getActiveHandles: () => (Server | object)[] };
  const servers = _getActiveHandles().filter((handle): handle is Server => 'listening' in handle && !!handle.listening);
  return servers.map((server) => (server.address() as AddressInfo).port);
}

test('whoever upgrades at a worker before the job is complete may say anything', async () => {
  const hub = await start(2);
  const known = new Set(ports());
  const joining = join(hub, 'a');
  const port = await vi.waitFor(() => {
    const [found] = ports().filter((one) => !known.has(one));
    expect(found).toBeDefined();
    return found!;
  });
  const sockets = await many(3, () => bareSocket(`ws://127.0.0.1:${port}`));
  const bad = [Buffer.of(0xff, 0xff, 0xff), Buffer.alloc(14, 0xff).fill(0x82, 0, 1), Buffer.alloc(3000, 0x82)];
  const ends = sockets.map((socket, i) => {
    socket.write(Buffer.concat([Buffer.from(upgradeRequest()), bad[i]!]));
    return restOf(socket);
  });
  for (const text of await Promise.all(ends)) expect(text).toMatch(/^HTTP\/1.1 101/);
  const b = await join(hub, 'b');
  const a = await joining;
  await Promise.all([a.transport.send(1, 0, Uint8Array.of(1)), b.transport.recv(0, 0, new Uint8Array(1))]);
});

test.each([false, true])('HTTP without an upgrade is answered with 426 and closed (TLS: %s)', async (tls) => {
  const hub = await start(1, tls ? { tls: 'self-signed' } : {});
  const { request } = tls ? await import('node:https') : await import('node:http');
  const asked = request({ host: '127.0.0.1', port: hub.port, method: 'POST', rejectUnauthorized: false });
  asked.end('x'.repeat(10));
  const [response] = await once(asked, 'response');
  expect([response.statusCode, response.headers.connection]).toEqual([426, 'close']);
  response.resume();
  await once(response, 'end');
});

test.each<[string, Partial<Parameters<typeof startHub>[0]>, string]>([
  ['say nothing', {}, ''],
  ['send half a request', {}, 'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A'],
  ['upgrade and say nothing more', {}, upgradeRequest()],
  ['do not shake hands under TLS', { tls: 'self-signed' }, ''],
])('of three hundred sockets that %s few stay open, and workers come in meanwhile', async (_, options, text) => {
  const hub = await start(2, options);
  const sockets = await many(300, () => bareSocket(hub.url));
  for (const socket of sockets) {
    socket.write(text);
    socket.resume();
  }
  await expectAtWork(hub, ['a', 'b']);
  await vi.waitFor(() => expect(sockets.filter(({ closed }) => !closed).length).toBeLessThanOrEqual(seats));
  expect(lines.length).toBeLessThanOrEqual(5);
});

test('a stranger that proves nothing is cut off when its time is over, in whatever state it is', async () => {
  const hub = await start(1, { admissionTimeoutMs: 100 });
  const sockets = await many(3, () => bareSocket(hub.url));
  const ends = sockets.map((socket: Socket, i) => {
    socket.write(['', 'GET / HT', upgradeRequest()][i]!);
    return restOf(socket);
  });
  await Promise.all(ends);
});

test('a worker that strangers push out tries again until it is in', async () => {
  const hub = await start(2);
  let isOver = false;
  const flood = async (): Promise<void> => {
    while (!isOver)
      for (const socket of await many(20, () => bareSocket(hub.url))) setTimeout(() => socket.destroy(), 200);
  };
  const flooding = Promise.all([flood(), flood(), flood()]);
  try {
    await expectAtWork(hub, ['a', 'b']);
  } finally {
    isOver = true;
    await flooding;
  }
});

test('a page may not connect unless its origin is allowed', async () => {
  const allowed = 'http://127.0.0.1:1234';
  const hub = await start(1, { origins: [allowed] });
  for (const [origin, status] of [
    ['https://evil.example', 403],
    ['null', 403],
    [`${allowed}5`, 403],
    [allowed, 101],
  ] as const) {
    const socket = await bareSocket(hub.url);
    socket.write(upgradeRequest({ origin }));
    const [first] = await once(socket, 'data');
    expect([origin, String(first).slice(0, 12)]).toEqual([origin, `HTTP/1.1 ${status}`]);
  }
});

test('a name that somebody else has had resolved to this machine is refused, also where no upgrade is asked for', async () => {
  const hub = await start(1);
  for (const host of [
    'evil.example',
    `evil.example:${hub.port}`,
    '',
    '127.0.0.1.evil.example',
    'a b',
    '[::1].evil.example',
  ]) {
    for (const text of [upgradeRequest({ host }), `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`]) {
      const socket = await bareSocket(hub.url);
      socket.write(text);
      expect(await restOf(socket)).toMatch(/^HTTP\/1.1 40[03]/);
    }
  }
  for (const host of ['localhost', `127.0.0.1:${hub.port}`, '[::1]:80', '10.1.2.3']) {
    const socket = await bareSocket(hub.url);
    socket.write(upgradeRequest({ host }));
    expect(String((await once(socket, 'data'))[0])).toMatch(/^HTTP\/1.1 101/);
  }
});

test('a thousand strangers are a few lines in the log, which hold nothing of theirs', async () => {
  const hub = await start(1);
  for (let i = 0; i < 10; i++)
    await many(100, async () => {
      const socket = await bareSocket(hub.url);
      socket.write(upgradeRequest({ origin: 'http://\u009b31m.example' }));
      await restOf(socket);
    });
  await hub.close();
  expect(lines).toHaveLength(6);
  expect(lines.at(-1)).toBe('hub: 995 more strangers were turned away');
  expect(lines.join('')).toMatch(/^[ -~]*$/);
});
