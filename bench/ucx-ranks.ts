/** Two processes with a rank each over the UCX bridge: latency, bandwidth, all-reduce and what they cost when idle. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createGroup } from 'lockstep';
import { openUcx, type UcxOptions, type UcxTransport } from 'lockstep/protocol';

export interface RankOrder {
  readonly ucx: UcxOptions;
  /** Bytes per message, and of an all-reduce. */
  readonly sizes: readonly number[];
}

export interface Measured {
  /** From one main thread to the other, 1 KiB, median microseconds. */
  readonly latencyUs: number;
  /** Each way at once, GB/s, for each size. */
  readonly bandwidth: readonly number[];
  /** Median microseconds of an all-reduce of 1 KiB. */
  readonly allReduceUs: number;
  /** Bus bandwidth of an all-reduce, GB/s, for each size: with two ranks it is the bytes over the time. */
  readonly allReduce: readonly number[];
  /** Share of one core that this process used while it waited for a message for two seconds. */
  readonly idle: number;
}

type Exchange = (address: string) => Promise<string[]>;

export async function measureRanks(order: RankOrder): Promise<Measured> {
  const child = fork(fileURLToPath(import.meta.url), [JSON.stringify(order)]);
  const ended = once(child, 'exit');
  const measured = await run(order, 0, async (mine) => {
    const [theirs] = (await once(child, 'message')) as [string];
    child.send([mine, theirs]);
    return [mine, theirs];
  });
  await ended;
  return measured;
}

async function run({ ucx: options, sizes }: RankOrder, rank: number, exchange: Exchange): Promise<Measured> {
  const ucx = await openUcx(options);
  const texts = await exchange(Buffer.from(ucx.address).toString('base64'));
  const addresses = texts.map((text) => new Uint8Array(Buffer.from(text, 'base64')));
  const transport = ucx.connect({ rank, addresses });
  const latencyUs = await measureLatency(transport);
  const bandwidth: number[] = [];
  for (const size of sizes) bandwidth.push(await measureBandwidth(transport, size));
  const idle = await measureIdle(transport);
  const group = createGroup(transport, { shards: 2 });
  const reduce = async (size: number): Promise<number> => {
    const node = new Float32Array(size / 4).fill(rank + 1);
    const out = new Float32Array(size / 4);
    const ms = await median(size, () => group.allReduce([node], out));
    if (!out.every((x) => x === 3)) throw new Error('allReduce: expected 3 everywhere');
    return ms;
  };
  const allReduceUs = (await reduce(1024)) * 1000;
  const allReduce: number[] = [];
  for (const size of sizes) allReduce.push(size / (await reduce(size)) / 1e6);
  await group.close();
  await ucx.close();
  return { latencyUs, bandwidth, allReduceUs, allReduce, idle };
}

async function median(size: number, work: () => Promise<unknown>): Promise<number> {
  const rounds = size > 2e6 ? 30 : 300;
  const times: number[] = [];
  for (let i = 0; i < rounds + 10; i++) {
    const start = performance.now();
    await work();
    if (i >= 10) times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b)[rounds >> 1]!;
}

async function measureLatency(transport: UcxTransport): Promise<number> {
  const peer = 1 - transport.rank;
  const bytes = new Uint8Array(1024).fill(7);
  const into = new Uint8Array(1024);
  const there = () => (transport.rank === 0 ? transport.send(peer, 0, bytes) : transport.recv(peer, 0, into));
  const back = () => (transport.rank === 0 ? transport.recv(peer, 0, into) : transport.send(peer, 0, bytes));
  const ms = await median(1024, async () => {
    await there();
    await back();
  });
  if (!into.every((byte) => byte === 7)) throw new Error('latency: got other bytes than were sent');
  return ms * 500;
}

async function measureBandwidth(transport: UcxTransport, size: number): Promise<number> {
  const peer = 1 - transport.rank;
  const bytes = transport.allocate(size).fill(transport.rank + 1);
  const into = transport.allocate(size).fill(0);
  const both = () => Promise.all([transport.send(peer, 1, bytes), transport.recv(peer, 1, into)]);
  await both();
  if (!into.every((byte) => byte === peer + 1)) throw new Error('bandwidth: got other bytes than were sent');
  return size / (await median(size, both)) / 1e6;
}

async function measureIdle(transport: UcxTransport): Promise<number> {
  const peer = 1 - transport.rank;
  const waiting = transport.recv(peer, 2, new Uint8Array(1));
  await sleep(200);
  const before = process.cpuUsage();
  await sleep(2000);
  const { user, system } = process.cpuUsage(before);
  await transport.send(peer, 2, new Uint8Array(1));
  await waiting;
  return (user + system) / 2e6;
}

async function answer(order: RankOrder): Promise<void> {
  await run(order, 1, async (mine) => {
    const met = once(process, 'message');
    process.send!(mine);
    return ((await met) as [string[]])[0];
  });
  process.disconnect();
}

if (process.send && process.argv[2]?.startsWith('{')) await answer(JSON.parse(process.argv[2]) as RankOrder);
