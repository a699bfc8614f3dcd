// A hostile member: it knows the job's token and is one of its workers. It can end the job; but it is believed about itself
// only, makes nobody's memory grow, and what it says is checked before it is used.
import { fileURLToPath } from 'node:url';
import { closeCode, Connection, encodeControl, encodeFrame, type Session, shakeHands } from '@lockstep/collectives';
import { connect, openSocket } from '@lockstep/collectives/node';
import { afterEach, expect, test } from 'vitest';
import { type Hub, startHub } from '../../packages/lockstep/src/hub/hub.ts';
import { TrainReports } from '../../packages/lockstep/src/hub/train-reports.ts';
import { run, tinyRun } from '../cli.ts';

const token = 'secret';
const lines: string[] = [];
const log = (line: string): void => void lines.push(line);
const open: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.close();
  lines.length = 0;
});

async function start(options: Partial<Parameters<typeof startHub>[0]> = {}): Promise<Hub> {
  const hub = await startHub({ size: 2, token, log, ...options });
  open.push(hub);
  return hub;
}

async function join(hub: Hub, name: string): Promise<Session> {
  const session = await connect({ url: hub.url, token, name, log });
  open.push(session);
  return session;
}

/** A member b that speaks the protocol by hand. */
async function rawMember(hub: Hub): Promise<Connection> {
  const connection = new Connection(openSocket(hub.url), {});
  await shakeHands(connection, { token, purpose: 'hub', name: 'b' });
  connection.outbox.post(encodeControl({ kind: 'introduce', host: '~', addresses: {} }));
  return connection;
}

const done = { kind: 'done', steps: 9, loss: 1, weightsSha256: 'a'.repeat(64), stopped: false };
const step = { step: 1, loss: 1, gradNorm: 1, learningRate: 1, tokens: 1, tokensPerSecond: 1 };
const metrics = { ...step, stepMs: 1, computeMs: 1, waitMs: 1, updateMs: 1 };

test.each<[string, unknown]>([
  ['nothing', null],
  ['a message that is none', { kind: 'halt' }],
  ['a result', done],
  ['a step', { kind: 'step', metrics }],
  ['a checkpoint', { kind: 'checkpoint', step: 1 }],
  ['the adapter', { kind: 'ready', adapter: 'mine', families: {}, bridge: { bridge: 'ws', reason: '' } }],
])('what rank 1 says of the run is not believed: %s', async (_, value) => {
  const reports = new TrainReports({ fromStep: 0, steps: 9 });
  const heard: unknown[] = [];
  const hub = await start({
    onMessage: (worker, said, rank) => void heard.push(reports.read(said, { worker, rank })),
  });
  const [a, b] = await Promise.all([join(hub, 'a'), join(hub, 'b')]);
  const gone = new Promise((resolve) => a.onGone(resolve));
  b.send(value);
  expect(await b.ended).toMatchObject({ code: 'PROTOCOL', closeCode: closeCode.malformed });
  expect(await gone).toBe(1);
  expect(heard).toEqual([]);
  expect(lines).toEqual([expect.stringMatching(/^hub: connection of b ended: train: expected /)]);
});

test('in a real job the launcher ends with one line, whatever the worker that said it does then', async () => {
  const hostile = fileURLToPath(new URL('deeds/say.mjs', import.meta.url));
  const env = {
    NODE_OPTIONS: `--import=${hostile}`,
    HOSTILE_WORKER: 'worker-1',
    HOSTILE_MESSAGE: JSON.stringify(null),
  };
  const { code, stderr } = await run(['train', tinyRun, '--workers', '2', '--bridge', 'ws'], { env });
  expect([code, stderr.trim().split('\n').at(-1)]).toEqual([
    1,
    expect.stringContaining('train: expected a message of a worker from worker-1, got another'),
  ]);
  expect(stderr.match(/expected a message/g)).toHaveLength(1);
});

test('a member cannot speak through the hub in another’s name, nor to itself', async () => {
  for (const route of [
    { from: 0, to: 1 },
    { from: 1, to: 1 },
  ]) {
    const hub = await start();
    const joining = join(hub, 'a');
    const b = await rawMember(hub);
    await joining;
    const header = { epoch: 1, tag: 0, total: 1, offset: 0, ...route };
    b.outbox.post(encodeFrame('eager', Uint8Array.of(1), header));
    b.read(() => {});
    expect((await b.ended).code).toBe(closeCode.malformed);
  }
});
