/**
 * The WebSocket bridge between two processes on this machine, beside two plain TCP sockets of Node that do the same: each
 * process sends and receives so many bytes at once, again and again, and the whole exchange is timed. Then an all-reduce
 * of as many bytes. What arrives is checked before anything is timed, and all are timed in turns, for the machine's speed
 * varies.
 *
 * usage: tsx ws.ts [--seconds 1]
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer, connect as dial, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createGroup, type Group, type Transport } from 'lockstep';
import { connect, type Session, startHub } from 'lockstep/protocol';
import { machine } from './report.ts';

const sizes = [2 ** 10, 2 ** 16, 2 ** 20, 2 ** 22, 2 ** 24];
const turns = 5;
const token = 'bench';

/** Copies what arrives to where it is wanted. */
class Filler {
  readonly #early: Uint8Array[] = [];
  #into: Uint8Array = new Uint8Array(0);
  #arrived = 0;
  #resolve = (): void => {};

  fill(into: Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      [this.#into, this.#arrived, this.#resolve] = [into, 0, resolve];
      for (const chunk of this.#early.splice(0)) this.take(chunk);
    });
  }

  take(chunk: Uint8Array): void {
    const room = this.#into.length - this.#arrived;
    const [now, later] = chunk.length > room ? [chunk.subarray(0, room), chunk.subarray(room)] : [chunk];
    if (later) this.#early.push(later);
    if (now.length === 0) return;
    this.#into.set(now, this.#arrived);
    this.#arrived += now.length;
    if (this.#arrived === this.#into.length) this.#resolve();
  }
}

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '1' }, worker: { type: 'string' } } });
/** Brings both processes together, and prints what the first reports. */
async function main(): Promise<void> {
  const { cpu, cores, node, load } = machine();
  console.log(
    `${cpu}, ${cores} cores, Node ${node}, load ${load.toFixed(2)} before; median ms of an exchange, both ways at once`,
  );
  const hub = await startHub({ size: 2, token, onMessage: (_, line) => console.log(line) });
  const self = fileURLToPath(import.meta.url);
  const workers = [0, 1].map(() => fork(self, ['--worker', hub.url, '--seconds', values.seconds]));
  const [code] = (await Promise.race(workers.map((worker) => once(worker, 'exit')))) as [number | null];
  if (code !== 0) for (const worker of workers) worker.kill();
  await hub.close();
  process.exitCode = code ?? 1;
}

/** Sends and receives `size` bytes. */
type Exchange = () => Promise<void>;

interface Way {
  readonly name: string;
  prepare(size: number): { exchange: Exchange; check: () => void };
}

async function work(url: string): Promise<void> {
  const raw = createServer({ noDelay: true }).listen(0, '127.0.0.1');
  const incoming = once(raw, 'connection') as Promise<[Socket]>; // the other may be the first to know both
  await once(raw, 'listening');
  const address = String((raw.address() as AddressInfo).port);
  const session = await connect({ url, token, addresses: { raw: address } });
  const ways = [
    await rawSockets(session, incoming),
    overTransport(session.transport),
    overGroup(createGroup(session.transport, { shards: 2 })),
  ];
  const tell = (line: string): void => void (session.rank === 0 && session.send(line));
  tell(['bytes'.padStart(9), ...ways.map(({ name }) => name.padStart(24))].join(' | '));
  for (const size of sizes)
    tell([String(size).padStart(9), ...(await measure(ways, size)).map((time) => describe(size, time))].join(' | '));
  await session.close();
  process.exit();
}

const describe = (size: number, ms: number): string =>
  `${ms.toFixed(3)} ms ${(size / ms / 1e6).toFixed(3)} GB/s`.padStart(24);

/** Median ms of an exchange, by way. Both processes have to do the same number of exchanges. */
async function measure(ways: readonly Way[], size: number): Promise<number[]> {
  const prepared = ways.map((way) => way.prepare(size));
  for (const { exchange, check } of prepared) {
    await exchange();
    check();
  }
  const repeats = Math.max(4, Math.min(2000, Math.round((Number(values.seconds) * 0.4e9) / size / turns)));
  const times = ways.map((): number[] => []);
  for (let turn = 0; turn < turns; turn++)
    for (const [i, { exchange }] of prepared.entries()) times[i]!.push(...(await time(exchange, repeats)));
  return times.map((all) => all.toSorted((a, b) => a - b)[all.length >> 1]!);
}

async function time(exchange: Exchange, repeats: number): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < repeats; i++) {
    const began = performance.now();
    await exchange();
    times.push(performance.now() - began);
  }
  return times;
}

/** One plain socket for each direction, as the bridge has. */
async function rawSockets({ rank, view }: Session, connection: Promise<[Socket]>): Promise<Way> {
  const port = Number(view.members[1 - rank]!.addresses['raw']);
  const out = dial({ port, host: '127.0.0.1', noDelay: true });
  const [[incoming]] = await Promise.all([connection, once(out, 'connect')]);
  const inbox = new Filler();
  incoming.on('data', (chunk: Buffer) => inbox.take(chunk));
  return {
    name: 'plain sockets',
    prepare: (size) => {
      const [mine, theirs] = [pattern(size, rank), new Uint8Array(size)];
      const exchange = async (): Promise<void> => {
        await Promise.all([new Promise((resolve) => out.write(mine, resolve)), inbox.fill(theirs)]);
      };
      return { exchange, check: () => expectPattern(theirs, 1 - rank) };
    },
  };
}

function overTransport(transport: Transport): Way {
  const { rank } = transport;
  return {
    name: 'bridge',
    prepare: (size) => {
      const [mine, theirs] = [pattern(size, rank), new Uint8Array(size)];
      const exchange = async (): Promise<void> => {
        await Promise.all([transport.send(1 - rank, 1, mine), transport.recv(1 - rank, 1, theirs)]);
      };
      return { exchange, check: () => expectPattern(theirs, 1 - rank) };
    },
  };
}

/** Two hops of half the bytes, and the sum. */
function overGroup(group: Group): Way {
  return {
    name: 'all-reduce',
    prepare: (size) => {
      const mine = Float32Array.from({ length: size / 4 }, (_, i) => (i % 1000) + group.rank);
      const out = new Float32Array(size / 4);
      const isWrong = (x: number, i: number): boolean => x !== 2 * (i % 1000) + 1;
      const check = (): void => {
        if (out.some(isWrong)) throw new Error('bench: expected the sum, got something else');
      };
      return { exchange: () => group.allReduce([mine], out), check };
    },
  };
}

const pattern = (size: number, rank: number): Uint8Array => Uint8Array.from({ length: size }, (_, i) => i * 7 + rank);

function expectPattern(bytes: Uint8Array, rank: number): void {
  if (bytes.some((byte, i) => byte !== ((i * 7 + rank) & 255)))
    throw new Error(`bench: expected the bytes of rank ${rank}, got others`);
}

if (values.worker === undefined) await main();
else await work(values.worker);
